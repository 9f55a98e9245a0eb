// Slides: the members of NativeSlideFunctions in lib/native/native-slides.ts.

#include "slide.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "addon_state.h"
#include "failure.h"
#include "fields.h"
#include "js_values.h"
#include "wsss/core/error.h"
#include "wsss/slide/openslide_library.h"
#include "wsss/slide/tissue.h"

namespace wsss::binding {

namespace {

StopCheck check_of(JobContext& job) {
  return [&job] { job.cancel().check(); };
}

Napi::Value to_buffer(Napi::Env env, const std::vector<std::uint8_t>& bytes) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.Data(), bytes.data(), bytes.size());
  return buffer;
}

SlideOpening slide_opening(const Fields& fields) {
  SlideOpening opening;
  opening.path = fields.string("path");
  opening.openslide = fields.string("openslide");
  opening.vips = fields.string("vips");
  opening.cache_bytes = static_cast<std::size_t>(fields.integer("cacheBytes"));
  opening.damaged = fields.boolean("damagedIsBackground") ? DamagedPixels::kBackground : DamagedPixels::kRefused;
  return opening;
}

SlideRegion slide_region(const Fields& fields) {
  SlideRegion region;
  region.x = fields.number("x");
  region.y = fields.number("y");
  region.scale_x = fields.number("scaleX");
  region.scale_y = fields.number("scaleY");
  region.width = fields.integer("width");
  region.height = fields.integer("height");
  return region;
}

TissueSearch tissue_search(const Fields& fields) {
  TissueSearch search;
  search.scale_x = fields.number("scaleX");
  search.scale_y = fields.number("scaleY");
  search.closing_px = fields.integer("closingPx");
  search.smallest_px = fields.integer("smallestPx");
  return search;
}

Napi::Object to_js(Napi::Env env, const Slide& slide) {
  const SlideFacts& facts = slide.facts();
  Napi::Object object = Napi::Object::New(env);
  object.Set("vendor", facts.vendor);
  Napi::Array levels = Napi::Array::New(env, facts.levels.size());
  for (std::uint32_t i = 0; i < facts.levels.size(); ++i) {
    Napi::Object level = Napi::Object::New(env);
    set(level, "width", facts.levels[i].width);
    set(level, "height", facts.levels[i].height);
    set(level, "downsample", facts.levels[i].downsample);
    level.Set("usable", slide.is_usable(i));
    levels.Set(i, level);
  }
  object.Set("levels", levels);
  object.Set("scale", env.Null());
  if (facts.scale) {
    Napi::Object scale = Napi::Object::New(env);
    set(scale, "x", facts.scale->x);
    set(scale, "y", facts.scale->y);
    scale.Set("source", facts.scale->source);
    object.Set("scale", scale);
  }
  object.Set("bounds", env.Null());
  if (facts.bounds) {
    Napi::Object bounds = Napi::Object::New(env);
    set(bounds, "x", facts.bounds->x);
    set(bounds, "y", facts.bounds->y);
    set(bounds, "width", facts.bounds->width);
    set(bounds, "height", facts.bounds->height);
    object.Set("bounds", bounds);
  }
  return object;
}

// ({path}, done)
Napi::Value version_of_openslide(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return submit_shared(info, 1, [path = Fields(info[0], "openSlideVersion").string("path")](JobContext&) -> Reply {
      const std::string version = openslide_version(path);
      return [version](Napi::Env env) { return Napi::Value(Napi::String::New(env, version)); };
    });
  });
}

}  // namespace

Napi::Function SlideWrap::define(Napi::Env env) {
  return DefineClass(
      env, "Slide",
      {InstanceMethod<&SlideWrap::open>("open"), InstanceMethod<&SlideWrap::read>("read"),
       InstanceMethod<&SlideWrap::find_tissue>("findTissue"), InstanceMethod<&SlideWrap::close>("close")});
}

SlideWrap::SlideWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<SlideWrap>(info), holder_(std::make_shared<Holder>()) {
  executor_ = std::make_unique<Executor>(info.Env(), 1, Executor::AtRest::kEnds);
}

const Slide& SlideWrap::Holder::ready() const {
  if (slide == nullptr) throw Error(ErrorCode::kDisposed, "the slide was closed, or not opened");
  return *slide;
}

// ({path, openslide, vips, cacheBytes, damagedIsBackground}, done)
Napi::Value SlideWrap::open(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const SlideOpening opening = slide_opening(Fields(info[0], "Slide.open"));
    return submit(info, info[1], [holder = holder_, opening](JobContext&) -> Reply {
      holder->slide = std::make_shared<const Slide>(opening);
      return [slide = holder->slide](Napi::Env env) { return Napi::Value(to_js(env, *slide)); };
    });
  });
}

// ({x, y, scaleX, scaleY, width, height}, done)
Napi::Value SlideWrap::read(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const SlideRegion region = slide_region(Fields(info[0], "Slide.read"));
    return submit(info, info[1], [holder = holder_, region](JobContext& job) -> Reply {
      auto rgb =
          std::make_shared<std::vector<std::uint8_t>>(static_cast<std::size_t>(region.width * region.height * 3));
      const Slide& slide = holder->ready();
      slide.read(region, rgb->data(), check_of(job));
      return [rgb, damaged = slide.damaged_regions()](Napi::Env env) {
        Napi::Object reply = Napi::Object::New(env);
        reply.Set("rgb", to_buffer(env, *rgb));
        set(reply, "damagedRegions", damaged);
        return Napi::Value(reply);
      };
    });
  });
}

// ({scaleX, scaleY, closingPx, smallestPx, threads, picturePx}, done): picturePx, if not 0, is the longer side of a
// picture of the slide with the tissue outlined.
Napi::Value SlideWrap::find_tissue(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "Slide.findTissue");
    const TissueSearch search = tissue_search(fields);
    const auto threads = static_cast<int>(fields.integer("threads"));
    const std::int64_t picture_px = fields.integer("picturePx");
    return submit(info, info[1], [holder = holder_, search, threads, picture_px](JobContext& job) -> Reply {
      const Slide& slide = holder->ready();
      auto mask = std::make_shared<TissueMask>(wsss::find_tissue(slide, search, threads, check_of(job)));
      auto picture = std::make_shared<SlidePicture>();
      if (picture_px > 0) *picture = picture_of(slide, *mask, picture_px, threads, check_of(job));
      return [mask, picture, damaged = slide.damaged_regions()](Napi::Env env) {
        Napi::Object reply = Napi::Object::New(env);
        set(reply, "damagedRegions", damaged);
        set(reply, "width", mask->width);
        set(reply, "height", mask->height);
        set(reply, "share", mask->share());
        reply.Set("tissue", to_buffer(env, mask->tissue));
        Napi::Object drawn = Napi::Object::New(env);
        set(drawn, "width", picture->width);
        set(drawn, "height", picture->height);
        drawn.Set("rgb", to_buffer(env, picture->rgb));
        reply.Set("picture", picture->rgb.empty() ? env.Null() : Napi::Value(drawn));
        return Napi::Value(reply);
      };
    });
  });
}

// (done): stops whatever is running, then closes the file and ends the thread.
Napi::Value SlideWrap::close(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    executor_->abort_all();
    const Napi::Value handle = submit(info, info[0], [holder = holder_](JobContext&) -> Reply {
      holder->slide.reset();
      return nullptr;
    });
    executor_->retire();
    return handle;
  });
}

Napi::Value SlideWrap::submit(const Napi::CallbackInfo& info, Napi::Value done, Executor::Body body) {
  return executor_->submit(info.Env(), info.This().As<Napi::Object>(), info.Env().Null(), done, std::move(body));
}

void define_slides(Napi::Env env, Napi::Object exports) {
  exports.Set("Slide", SlideWrap::define(env));
  exports.Set("openSlideVersion", Napi::Function::New(env, version_of_openslide));
}

}  // namespace wsss::binding
