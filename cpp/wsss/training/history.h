// What a training keeps of its steps and epochs, to tell it again after a resumption.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "wsss/weights/state_dict.h"

namespace wsss {

/// Numbers by name.
using Measures = std::map<std::string, std::vector<double>>;

/// The one number of a name.
///
/// @throws Error  kWeights if there is not exactly one.
double number_of(const Measures& measures, const std::string& name);

/// A table that grows by rows and is kept by columns.
class Table {
 public:
  /// @param row  has the names and lengths of every row before it.
  void append(const Measures& row);
  Measures row(std::size_t index) const;
  std::size_t rows() const { return rows_; }

  /// A tensor [rows, length] for each column, under its name after a prefix.
  StateDict tensors(std::string_view prefix) const;
  /// The table of all tensors whose name has the prefix.
  ///
  /// @throws Error  kWeights if they are no table.
  static Table of_tensors(const StateDict& tensors, std::string_view prefix);

 private:
  std::map<std::string, std::vector<double>> columns_;  ///< Row after row.
  std::size_t rows_ = 0;
};

/// All steps and epochs of a training so far.
struct History {
  Table steps;
  Table epochs;
};

/// The history in a checkpoint from before columns had names: rows of numbers in a fixed order, which differs between
/// the stages.
///
/// @param steps, epochs  [rows, columns] float64.
/// @throws Error         kWeights if they are not.
History history_of_rows(const std::string& stage, const at::Tensor& steps, const at::Tensor& epochs);

/// The state of the meters in such a checkpoint.
Measures meters_of_row(const std::string& stage, const std::vector<double>& row);

}  // namespace wsss
