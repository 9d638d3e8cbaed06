/* The one list of built-in modules. */
#include "modules/module.h"

extern const uint32_t gf_registry_abi;
const uint32_t gf_registry_abi = GF_MODULE_ABI;
