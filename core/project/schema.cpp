#include "project/schema.h"

#include <algorithm>

#include "base/error.h"

namespace c2l {

namespace fs = std::filesystem;

const std::vector<Migration>& migrations() {
    static const std::vector<Migration> steps = {};  // schema 1 is the first
    return steps;
}

void create_schema(Database& database) {
    Transaction transaction(database);
    database.execute(
        "CREATE TABLE slides (id INTEGER PRIMARY KEY, relative TEXT NOT NULL, absolute TEXT NOT NULL, content_id TEXT NOT NULL UNIQUE,"
        " bytes INTEGER NOT NULL, modified INTEGER NOT NULL, mpp REAL, patient TEXT NOT NULL DEFAULT '');"
        "CREATE TABLE spots (id INTEGER PRIMARY KEY, slide INTEGER NOT NULL REFERENCES slides(id), spots_relative TEXT NOT NULL,"
        " spots_absolute TEXT NOT NULL, counts_relative TEXT NOT NULL, counts_absolute TEXT NOT NULL, content_id TEXT NOT NULL,"
        " format TEXT NOT NULL, UNIQUE(slide, content_id));"
        "CREATE TABLE settings (key TEXT PRIMARY KEY, json TEXT NOT NULL);");
    database.execute("PRAGMA application_id = " + std::to_string(kApplicationId));
    database.execute("PRAGMA user_version = " + std::to_string(kSchema));
    transaction.commit();
}

void check_schema(Database& database, int newest) {
    if (database.number("PRAGMA application_id") != kApplicationId)
        throw Error(ErrorCode::BadInput, "is a database, but not a C2L Studio project; choose a .c2l file", database.path());
    const auto version = database.number("PRAGMA user_version");
    if (version > newest)
        throw Error(ErrorCode::Unsupported,
                    "was made by a newer C2L Studio (schema " + std::to_string(version) + ", this program knows " + std::to_string(newest) +
                        "); update the program",
                    database.path());
    if (version < 1) throw Error(ErrorCode::BadInput, "the project file has no valid schema number; restore a backup", database.path());
}

bool migrate(Database& database, const std::vector<Migration>& steps, int newest) {
    auto version = static_cast<int>(database.number("PRAGMA user_version"));
    if (version >= newest) return false;
    const fs::path backup = database.path().string() + ".schema" + std::to_string(version) + ".backup";
    if (!fs::exists(backup)) {
        const fs::path part = backup.string() + ".part";
        fs::remove(part);
        database.copy_to(part);
        fs::rename(part, backup);
    }
    Transaction transaction(database);
    for (; version < newest; ++version) {
        const auto step = std::find_if(steps.begin(), steps.end(), [&](const Migration& m) { return m.from == version; });
        if (step == steps.end())
            throw Error(ErrorCode::Unsupported, "the project's schema " + std::to_string(version) + " cannot be brought up to date by this program",
                        database.path());
        database.execute(step->sql);
    }
    database.execute("PRAGMA user_version = " + std::to_string(newest));
    transaction.commit();
    return true;
}

}  // namespace c2l
