#include "wsss/weights/json.h"

#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "wsss/core/error.h"
#include "wsss/core/number_text.h"

namespace wsss {

namespace {

constexpr int kDeepest = 16;
constexpr std::size_t kFreeValues = 1024;

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json value = parse_value(0);
    skip_space();
    if (next_ != text_.size()) fail("text after the end");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kWeights, "the JSON header is broken at byte " + std::to_string(next_) + ": " + what);
  }

  void skip_space() {
    while (next_ < text_.size() && std::string_view(" \t\r\n").find(text_[next_]) != std::string_view::npos) ++next_;
  }

  char peek() {
    if (next_ >= text_.size()) fail("it ends too early");
    return text_[next_];
  }

  void expect(std::string_view word) {
    if (text_.substr(next_, word.size()) != word) fail("expected " + std::string(word));
    next_ += word.size();
  }

  Json parse_value(int depth) {
    if (depth > kDeepest) fail("nested too deep");
    // Two bytes could make a value each; a header of tensors needs eight times as many.
    if (++values_ > text_.size() / 4 + kFreeValues) fail("too many values");
    skip_space();
    Json value;
    switch (peek()) {
      case '{':
        return parse_object(depth);
      case '[':
        return parse_array(depth);
      case '"':
        value.kind = Json::Kind::kString;
        value.string = parse_string();
        return value;
      case 't':
      case 'f':
        value.kind = Json::Kind::kBoolean;
        value.boolean = peek() == 't';
        expect(value.boolean ? "true" : "false");
        return value;
      case 'n':
        expect("null");
        return value;
      default:
        return parse_number();
    }
  }

  Json parse_number() {
    Json value;
    value.kind = Json::Kind::kNumber;
    const std::size_t length = read_number(text_.substr(next_), value.number);
    const std::string_view digits = text_.substr(next_ + (text_[next_] == '-' ? 1 : 0));
    const auto is_digit = [&](std::size_t i) { return i < digits.size() && digits[i] >= '0' && digits[i] <= '9'; };
    const bool has_leading_zero = is_digit(0) && digits[0] == '0' && is_digit(1);
    if (length == 0 || !is_digit(0) || has_leading_zero || !std::isfinite(value.number)) fail("expected a value");
    next_ += length;
    return value;
  }

  unsigned parse_hex4() {
    if (next_ + 4 > text_.size()) fail("a \\u escape is cut off");
    unsigned code = 0;
    const auto [end, error] = std::from_chars(text_.data() + next_, text_.data() + next_ + 4, code, 16);
    if (error != std::errc() || end != text_.data() + next_ + 4) fail("a \\u escape is not hexadecimal");
    next_ += 4;
    return code;
  }

  void parse_escape(std::string& out) {
    const char escape = peek();
    ++next_;
    static constexpr std::string_view kFrom = "\"\\/bfnrt";
    static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    if (const auto at = kFrom.find(escape); at != std::string_view::npos) {
      out += kTo[at];
      return;
    }
    if (escape != 'u') fail("an unknown escape");
    unsigned code = parse_hex4();
    if (code >= 0xD800 && code < 0xDC00) {
      expect("\\u");
      const unsigned low = parse_hex4();
      if (low < 0xDC00 || low > 0xDFFF) fail("half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(out, code);
  }

  std::string parse_string() {
    expect("\"");
    std::string out;
    while (peek() != '"') {
      const char c = text_[next_++];
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
      if (c == '\\') {
        parse_escape(out);
      } else {
        out += c;
      }
    }
    ++next_;
    return out;
  }

  Json parse_array(int depth) {
    Json value;
    value.kind = Json::Kind::kArray;
    expect("[");
    skip_space();
    if (peek() == ']') {
      ++next_;
      return value;
    }
    while (true) {
      value.array.push_back(parse_value(depth + 1));
      skip_space();
      if (peek() == ']') break;
      expect(",");
    }
    ++next_;
    return value;
  }

  Json parse_object(int depth) {
    Json value;
    value.kind = Json::Kind::kObject;
    std::set<std::string> names;
    expect("{");
    skip_space();
    if (peek() == '}') {
      ++next_;
      return value;
    }
    while (true) {
      skip_space();
      std::string name = parse_string();
      if (!names.insert(name).second) fail("the name " + name + " stands twice");
      skip_space();
      expect(":");
      value.object.push_back({std::move(name), parse_value(depth + 1)});
      skip_space();
      if (peek() == '}') break;
      expect(",");
    }
    ++next_;
    return value;
  }

  std::string_view text_;
  std::size_t next_ = 0;
  std::size_t values_ = 0;
};

}  // namespace

Json parse_json(std::string_view text) { return Parser(text).document(); }

std::string json_string(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace wsss
