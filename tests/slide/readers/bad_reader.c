/* A reader of another version, one whose table is too short, one without functions, and a library without a reader. */
#include <stddef.h>

#include "c2l_reader.h"

#if defined(OLD_READER)
static const c2l_reader table = {sizeof(c2l_reader), 0, "old", "0", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
#elif defined(SHORT_READER)
static const c2l_reader table = {16, C2L_READER_ABI, "short", "1", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
#elif defined(EMPTY_READER)
static const c2l_reader table = {sizeof(c2l_reader), C2L_READER_ABI, "empty", "1", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
#endif

#if defined(NO_READER)
int some_other_function(void) { return 0; }
#else
const c2l_reader* c2l_reader_table(uint32_t host_abi) {
    (void)host_abi;
    return &table;
}
#endif
