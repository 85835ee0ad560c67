// Guards a JSON library that copies, compares and writes nested values by recursion: a megabyte of "[" would use up the stack.
#pragma once

#include <string_view>

namespace c2l {

constexpr int kDeepestJson = 64;  // no file or message of ours comes near

// Whether brackets outside of texts are nested deeper than `most`. Looks at any text, sound or not; cheap beside parsing it.
bool is_nested_deeper(std::string_view json, int most = kDeepestJson);

}  // namespace c2l
