#include "wsss/core/number_text.h"

#include <array>
#include <clocale>
#include <cstdio>
#include <cstdlib>

namespace wsss {

namespace {

/// The locale in which the decimal point is a point. Never freed: needed to the end of the process.
locale_t plain_locale() {
  static const locale_t kPlain = newlocale(LC_ALL_MASK, "C", nullptr);
  return kPlain;
}

bool is_digit(std::string_view text, std::size_t place) {
  return place < text.size() && text[place] >= '0' && text[place] <= '9';
}

std::size_t skip_digits(std::string_view text, std::size_t place) {
  while (is_digit(text, place)) ++place;
  return place;
}

/// How many characters a number takes. strtod alone would take more: white space, `+`, hexadecimals.
std::size_t number_length(std::string_view text) {
  const std::size_t begin = !text.empty() && text[0] == '-' ? 1 : 0;
  const std::string_view word = text.substr(begin, 3);
  if (word == "inf" || word == "nan") return begin + 3;
  const std::size_t point = skip_digits(text, begin);
  std::size_t end = point;
  if (point < text.size() && text[point] == '.') end = skip_digits(text, point + 1);
  if (!is_digit(text, begin) && end <= point + 1) return 0;
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    const std::size_t sign = end + 1;
    const std::size_t exponent = sign < text.size() && (text[sign] == '-' || text[sign] == '+') ? sign + 1 : sign;
    if (is_digit(text, exponent)) end = skip_digits(text, exponent);
  }
  return end;
}

}  // namespace

std::string exact_text(double value) {
  std::array<char, 32> buffer{};
  const locale_t before = uselocale(plain_locale());
  // 17 digits tell every double from its neighbours; fewer do for most, and read better.
  for (int digits = 15; digits <= 17; ++digits) {
    std::snprintf(buffer.data(), buffer.size(), "%.*g", digits, value);
    if (strtod_l(buffer.data(), nullptr, plain_locale()) == value) break;
  }
  uselocale(before);
  return buffer.data();
}

std::size_t read_number(std::string_view text, double& value) {
  const std::size_t length = number_length(text);
  if (length > 0) value = strtod_l(std::string(text.substr(0, length)).c_str(), nullptr, plain_locale());
  return length;
}

}  // namespace wsss
