#include "wsss/training/history.h"

#include "wsss/core/error.h"
#include "wsss/core/libtorch.h"

namespace wsss {

namespace {

/// A column of an older checkpoint; the last one may be as long as the row allows.
struct OldColumn {
  const char* name;
  bool takes_rest = false;
};

const std::vector<OldColumn> kClassifierSteps{{"epoch"},     {"loss"},       {"learningRate"}, {"patches"},
                                              {"elapsedMs"}, {"exactMatch"}, {"jaccard"},      {"replayed"}};
const std::vector<OldColumn> kSegmenterSteps{{"epoch"},   {"loss"},      {"learningRate"},
                                             {"patches"}, {"elapsedMs"}, {"replayed"}};
const std::vector<OldColumn> kClassifierEpochs{{"meanLoss"},   {"elapsedMs"}, {"best"},
                                               {"exactMatch"}, {"jaccard"},   {"classAccuracy", true}};
const std::vector<OldColumn> kSegmenterEpochs{{"meanLoss"}, {"elapsedMs"}, {"best"}, {"confusion", true}};
const std::vector<OldColumn> kClassifierMeters{{"patches"}, {"exactMatchSum"}, {"jaccardSum"}, {"classCorrect", true}};

Error broken() { return Error(ErrorCode::kWeights, "the checkpoint's history is broken"); }

Measures named(const std::vector<OldColumn>& columns, const double* values, std::size_t count) {
  Measures row;
  std::size_t at = 0;
  for (const auto& column : columns) {
    if (at >= count) break;
    const std::size_t length = column.takes_rest ? count - at : 1;
    row.emplace(column.name, std::vector<double>(values + at, values + at + length));
    at += length;
  }
  if (at < count) throw broken();
  return row;
}

/// @param later  what rows of still older checkpoints lack, with its value there.
Table table_of_rows(const std::vector<OldColumn>& columns, const at::Tensor& rows, const Measures& later) {
  if (!rows.defined() || rows.dim() != 2 || rows.scalar_type() != at::kDouble) throw broken();
  Table table;
  if (rows.numel() == 0) return table;
  const auto width = static_cast<std::size_t>(rows.size(1));
  const at::Tensor values = rows.contiguous();
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    Measures row = named(columns, values.const_data_ptr<double>() + i * rows.size(1), width);
    row.insert(later.begin(), later.end());
    table.append(row);
  }
  return table;
}

}  // namespace

double number_of(const Measures& measures, const std::string& name) {
  const auto found = measures.find(name);
  if (found == measures.end() || found->second.size() != 1) throw broken();
  return found->second.front();
}

void Table::append(const Measures& row) {
  for (const auto& [name, values] : row) {
    auto& column = columns_[name];
    if (column.size() != rows_ * values.size()) throw broken();
    column.insert(column.end(), values.begin(), values.end());
  }
  ++rows_;
}

Measures Table::row(std::size_t index) const {
  Measures row;
  for (const auto& [name, values] : columns_) {
    const std::size_t length = values.size() / rows_;
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(index * length);
    row.emplace(name, std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(length)));
  }
  return row;
}

StateDict Table::tensors(std::string_view prefix) const {
  StateDict result;
  for (const auto& [name, values] : columns_) {
    const auto length = static_cast<std::int64_t>(values.size() / rows_);
    result.emplace_back(std::string(prefix) + name,
                        at::tensor(values, at::kDouble).view({static_cast<std::int64_t>(rows_), length}));
  }
  return result;
}

Table Table::of_tensors(const StateDict& tensors, std::string_view prefix) {
  Table table;
  bool is_first = true;
  for (const auto& [name, tensor] : tensors) {
    if (!name.starts_with(prefix)) continue;
    if (tensor.dim() != 2 || tensor.scalar_type() != at::kDouble) throw broken();
    const auto rows = static_cast<std::size_t>(tensor.size(0));
    if (!is_first && rows != table.rows_) throw broken();
    table.rows_ = rows;
    is_first = false;
    const at::Tensor values = tensor.contiguous();
    const double* begin = values.const_data_ptr<double>();
    table.columns_.emplace(name.substr(prefix.size()), std::vector<double>(begin, begin + values.numel()));
  }
  return table;
}

History history_of_rows(const std::string& stage, const at::Tensor& steps, const at::Tensor& epochs) {
  const bool is_classifier = stage == "classifier";
  return {table_of_rows(is_classifier ? kClassifierSteps : kSegmenterSteps, steps, {{"replayed", {0.0}}}),
          table_of_rows(is_classifier ? kClassifierEpochs : kSegmenterEpochs, epochs, {})};
}

Measures meters_of_row(const std::string& stage, const std::vector<double>& row) {
  return stage == "classifier" ? named(kClassifierMeters, row.data(), row.size()) : Measures{};
}

}  // namespace wsss
