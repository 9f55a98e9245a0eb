// Maps made coarser: blocks of pixels become the class that most of them have, or their mean.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

namespace wsss {

/// What a block of pixels becomes.
enum class Reduction {
  kMajority,  ///< The value that most of them have, the first of them on ties: for classes.
  kMean,      ///< For probabilities.
};

/// Takes the rows of a map one by one and gives out those of one that is coarser by a whole factor.
class RowReducer {
 public:
  using RowConsumer = std::function<void(const std::uint8_t* row)>;

  /// @param width   px of a row that comes in; a last block of fewer columns counts what it has.
  /// @param factor  side of a block, at least 1.
  RowReducer(std::int64_t width, std::int64_t factor, Reduction reduction, RowConsumer consume);

  /// px of a row that goes out.
  std::int64_t width() const { return (width_ + factor_ - 1) / factor_; }

  void add(const std::uint8_t* row);
  /// Gives out a last block of fewer rows, if there is one.
  void finish();

 private:
  void give_out();
  std::uint8_t majority(std::int64_t first, std::int64_t end);
  std::uint8_t mean(std::int64_t first, std::int64_t end) const;

  std::int64_t width_;
  std::int64_t factor_;
  Reduction reduction_;
  RowConsumer consume_;
  std::vector<std::uint8_t> rows_;  ///< Of the block that is being collected.
  std::int64_t collected_ = 0;
  std::vector<std::uint8_t> reduced_;
  std::array<std::int32_t, 256> counts_{};  ///< All 0 between blocks.
};

}  // namespace wsss
