// Scores of masks: the members of NativeEvaluationFunctions in lib/native/native-evaluation.ts.

#include "evaluation.h"

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "addon_state.h"
#include "failure.h"
#include "fields.h"
#include "stores.h"
#include "wsss/core/error.h"
#include "wsss/evaluation/resampling.h"

namespace wsss::binding {

namespace {

Napi::Value to_buffer(Napi::Env env, const std::vector<double>& values) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, values.size() * sizeof(double));
  std::memcpy(buffer.Data(), values.data(), values.size() * sizeof(double));
  return buffer;
}

Napi::Value to_buffer(Napi::Env env, const std::vector<std::int64_t>& values) {
  return to_buffer(env, std::vector<double>(values.begin(), values.end()));
}

// So many pixels no set has, and a million resamples of them still are 64-bit numbers.
constexpr double kLargest = 1LL << 40;

/// Whole numbers of a Float64Array, which holds all counts that there can be.
std::vector<std::int64_t> whole_numbers(Napi::Value value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    throw Error(ErrorCode::kOption, std::string(what) + " must be a Float64Array");
  }
  const auto array = value.As<Napi::Float64Array>();
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < array.ElementLength(); ++i) {
    const double number = array[i];
    if (!(std::abs(number) <= kLargest) || std::trunc(number) != number) {
      throw Error(ErrorCode::kShape, std::string(what) + " must be whole numbers of pixels");
    }
    numbers.push_back(static_cast<std::int64_t>(number));
  }
  return numbers;
}

PatchCounts patch_counts(Napi::Value value, std::int64_t class_count, const char* what) {
  const Fields fields(value, what);
  return PatchCounts(class_count, whole_numbers(fields.value("offsets"), "offsets"),
                     whole_numbers(fields.value("cells"), "cells"), whole_numbers(fields.value("values"), "values"));
}

ResamplingOptions resampling_options(const Fields& fields) {
  ResamplingOptions options;
  options.resamples = fields.integer("resamples");
  options.permutations = fields.integer("permutations");
  options.level = fields.number("level");
  options.seed = fields.seed("seed");
  return options;
}

Napi::Object to_js(Napi::Env env, const ScoreIntervals& intervals) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("low", to_buffer(env, intervals.low));
  object.Set("high", to_buffer(env, intervals.high));
  return object;
}

Napi::Object to_js(Napi::Env env, const PairedComparison& comparison) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("difference", to_buffer(env, comparison.difference));
  object.Set("intervals", to_js(env, comparison.intervals));
  object.Set("pValues", to_buffer(env, comparison.p_values));
  object.Set("permutations", static_cast<double>(comparison.permutations));
  object.Set("exact", comparison.exact);
  return object;
}

Napi::Object to_js(Napi::Env env, const Evaluation& evaluation) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("confusion", to_buffer(env, evaluation.confusion));
  object.Set("total", to_buffer(env, evaluation.total));
  object.Set("patches", to_buffer(env, evaluation.patches));
  return object;
}

// ({classCount, level, boundaryTolerance}, predictions, truth, done)
Napi::Value score_masks(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "scoreMasks");
    const ComparisonOptions options{fields.integer("classCount"), fields.number("boundaryTolerance")};
    const auto level = fields.integer("level");
    auto predictions = MaskStoreWrap::unwrap(info[1], "predictions");
    auto truth = MaskStoreWrap::unwrap(info[2], "truth");
    return submit_shared(info, 3, [=](JobContext& job) -> Reply {
      const PatchCounts counts = compare_masks(*predictions, level, *truth, options, job.cancel());
      return [counts](Napi::Env env) { return Napi::Value(binding::to_js(env, counts)); };
    });
  });
}

// ({classCount}, counts, done)
Napi::Value score_counts(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const auto class_count = Fields(info[0], "scoreCounts").integer("classCount");
    return submit_shared(info, 2, [counts = patch_counts(info[1], class_count, "counts")](JobContext& job) -> Reply {
      const Evaluation evaluation = evaluate(counts, job.cancel());
      return [evaluation](Napi::Env env) { return Napi::Value(to_js(env, evaluation)); };
    });
  });
}

// ({classCount, resamples, permutations, level, seed}, counts, groups, done)
Napi::Value bootstrap(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "bootstrapIntervals");
    const auto counts = patch_counts(info[1], fields.integer("classCount"), "counts");
    return submit_shared(info, 3,
                         [counts, groups = whole_numbers(info[2], "groups"),
                          options = resampling_options(fields)](JobContext& job) -> Reply {
                           const auto intervals = bootstrap_intervals(counts, groups, options, job.cancel());
                           return [intervals](Napi::Env env) { return Napi::Value(to_js(env, intervals)); };
                         });
  });
}

// ({classCount, resamples, permutations, level, seed}, first, second, groups, done)
Napi::Value compare(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "comparePaired");
    const auto class_count = fields.integer("classCount");
    return submit_shared(
        info, 4,
        [first = patch_counts(info[1], class_count, "first"), second = patch_counts(info[2], class_count, "second"),
         groups = whole_numbers(info[3], "groups"), options = resampling_options(fields)](JobContext& job) -> Reply {
          const auto comparison = compare_paired(first, second, groups, options, job.cancel());
          return [comparison](Napi::Env env) { return Napi::Value(to_js(env, comparison)); };
        });
  });
}

}  // namespace

Napi::Object to_js(Napi::Env env, const PatchCounts& counts) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("offsets", to_buffer(env, counts.offsets()));
  object.Set("cells", to_buffer(env, counts.cells()));
  object.Set("values", to_buffer(env, counts.values()));
  return object;
}

void define_evaluation(Napi::Env env, Napi::Object exports) {
  exports.Set("scoreMasks", Napi::Function::New(env, score_masks));
  exports.Set("scoreCounts", Napi::Function::New(env, score_counts));
  exports.Set("bootstrapIntervals", Napi::Function::New(env, bootstrap));
  exports.Set("comparePaired", Napi::Function::New(env, compare));
}

}  // namespace wsss::binding
