// The JavaScript class of an open slide.
#pragma once

#include <napi.h>

#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "executor.h"
#include "fields.h"
#include "wsss/class_map/band_file.h"
#include "wsss/slide/slide.h"
#include "wsss/slide/tissue.h"

namespace wsss::binding {

/// The JavaScript object that holds a Slide and the thread on which it is worked with.
class SlideWrap : public Napi::ObjectWrap<SlideWrap> {
 public:
  static Napi::Function define(Napi::Env env);

  explicit SlideWrap(const Napi::CallbackInfo& info);

  /// The open slide of a JavaScript object, for work of others with it.
  /// @throws Error kOption if the value is no Slide; kDisposed before open() and after close().
  static std::shared_ptr<const Slide> unwrap(Napi::Value value);

 private:
  /// What the object shares with its jobs.
  class Holder {
   public:
    void set(std::shared_ptr<const Slide> slide);
    /// @throws Error kDisposed before open() and after close().
    std::shared_ptr<const Slide> ready() const;

   private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Slide> slide_;
  };

  Napi::Value open(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value find_tissue(const Napi::CallbackInfo& info);
  Napi::Value plan_patches(const Napi::CallbackInfo& info);
  Napi::Value read_patches(const Napi::CallbackInfo& info);
  Napi::Value write_map(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  Napi::Value submit(const Napi::CallbackInfo& info, Napi::Value done, Executor::Body body);

  std::shared_ptr<Holder> holder_;
  std::unique_ptr<Executor> executor_;
};

/// Colours from [r, g, b, r, g, b, ...].
std::vector<std::array<std::uint8_t, 3>> colours_of(const std::vector<double>& values);

/// Lets the check of a job end long work.
StopCheck check_of(JobContext& job);

/// How tissue is looked for, from fields of that name.
TissueSearch tissue_search(const Fields& fields);

/// The file of finished rows of a slide's map: its place and form.
struct RowsFile {
  std::string path;
  BandLayout layout;
};
RowsFile rows_file(const Fields& fields);

/// Adds Slide and openSlideVersion to the addon.
void define_slides(Napi::Env env, Napi::Object exports);

}  // namespace wsss::binding
