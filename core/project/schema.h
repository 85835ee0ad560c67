// The tables of a project file and the way from older ones to this one; private to core/project.
#pragma once

#include <filesystem>
#include <vector>

#include "project/database.h"

namespace c2l {

constexpr std::int64_t kApplicationId = 0x43324C53;  // "C2LS"
constexpr int kSchema = 1;

// Brings a file of schema `from` to `from + 1`; run in one transaction.
struct Migration {
    int from;
    const char* sql;
};
const std::vector<Migration>& migrations();

void create_schema(Database& database);
// Checks that it is a project of a schema this program knows. Throws Error(BadInput|Unsupported).
void check_schema(Database& database, int newest = kSchema);
// Migrates an older file step by step after a copy "NAME.c2l.schema<N>.backup" was made beside it; returns true when it did.
bool migrate(Database& database, const std::vector<Migration>& steps = migrations(), int newest = kSchema);

}  // namespace c2l
