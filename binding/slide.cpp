// Slides: the members of NativeSlideFunctions in lib/native/native-slides.ts.

#include "slide.h"

#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "addon_state.h"
#include "failure.h"
#include "fields.h"
#include "js_values.h"
#include "wsss/class_map/map_files.h"
#include "wsss/core/error.h"
#include "wsss/slide/openslide_library.h"
#include "wsss/slide_segmentation/overlay.h"

namespace wsss::binding {

namespace {

constexpr napi_type_tag kSlideTag{0x5be1c1a97d3f4e04ULL, 0x9c1f0a7742b84d13ULL};

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

/// Null for an empty one.
Napi::Value to_js(Napi::Env env, const SlidePicture& picture) {
  if (picture.rgb.empty()) return env.Null();
  Napi::Object drawn = Napi::Object::New(env);
  set(drawn, "width", picture.width);
  set(drawn, "height", picture.height);
  drawn.Set("rgb", to_buffer(env, picture.rgb));
  return drawn;
}

MapFiles map_files(const Fields& fields) {
  MapFiles files;
  files.names = fields.strings("names");
  files.colours = colours_of(fields.numbers("colours"));
  files.mpp_x = fields.number("mppX");
  files.mpp_y = fields.number("mppY");
  files.scale_x = fields.number("scaleX");
  files.scale_y = fields.number("scaleY");
  files.offset_x = fields.number("offsetX");
  files.offset_y = fields.number("offsetY");
  files.slide_width = fields.number("slideWidth");
  files.slide_height = fields.number("slideHeight");
  files.tiff = fields.string("tiff");
  files.confidence_tiff = fields.string("confidenceTiff");
  files.geojson = fields.string("geojson");
  files.geojson_factor = fields.integer("geojsonFactor");
  files.min_area_um2 = fields.number("minAreaUm2");
  files.seed = fields.seed("seed");
  files.has_heat = fields.boolean("hasHeat");
  files.picture_factor = fields.integer("pictureFactor");
  return files;
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

StopCheck check_of(JobContext& job) {
  return [&job] { job.cancel().check(); };
}

std::vector<std::array<std::uint8_t, 3>> colours_of(const std::vector<double>& values) {
  std::vector<std::array<std::uint8_t, 3>> colours(values.size() / 3);
  for (std::size_t i = 0; i < colours.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) colours[i][c] = static_cast<std::uint8_t>(values[3 * i + c]);
  }
  return colours;
}

TissueSearch tissue_search(const Fields& fields) {
  TissueSearch search;
  search.scale_x = fields.number("scaleX");
  search.scale_y = fields.number("scaleY");
  search.closing_px = fields.integer("closingPx");
  search.smallest_px = fields.integer("smallestPx");
  return search;
}

RowsFile rows_file(const Fields& fields) {
  return {fields.string("path"),
          {fields.integer("width"), fields.integer("height"), fields.integer("bandRows"), fields.integer("planes"),
           fields.string("fingerprint")}};
}

Napi::Function SlideWrap::define(Napi::Env env) {
  return DefineClass(
      env, "Slide",
      {InstanceMethod<&SlideWrap::open>("open"), InstanceMethod<&SlideWrap::read>("read"),
       InstanceMethod<&SlideWrap::find_tissue>("findTissue"), InstanceMethod<&SlideWrap::plan_patches>("planPatches"),
       InstanceMethod<&SlideWrap::read_patches>("readPatches"), InstanceMethod<&SlideWrap::write_map>("writeMap"),
       InstanceMethod<&SlideWrap::close>("close")});
}

SlideWrap::SlideWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<SlideWrap>(info), holder_(std::make_shared<Holder>()) {
  executor_ = std::make_unique<Executor>(info.Env(), 1, Executor::AtRest::kEnds);
  info.This().As<Napi::Object>().TypeTag(&kSlideTag);
}

void SlideWrap::Holder::set(std::shared_ptr<const Slide> slide) {
  const std::lock_guard<std::mutex> lock(mutex_);
  slide_ = std::move(slide);
}

std::shared_ptr<const Slide> SlideWrap::Holder::ready() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (slide_ == nullptr) throw Error(ErrorCode::kDisposed, "the slide was closed, or not opened");
  return slide_;
}

std::shared_ptr<const Slide> SlideWrap::unwrap(Napi::Value value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kSlideTag)) {
    throw Error(ErrorCode::kOption, "slide must be a Slide");
  }
  return Unwrap(value.As<Napi::Object>())->holder_->ready();
}

// ({path, openslide, vips, cacheBytes, damagedIsBackground}, done)
Napi::Value SlideWrap::open(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const SlideOpening opening = slide_opening(Fields(info[0], "Slide.open"));
    return submit(info, info[1], [holder = holder_, opening](JobContext&) -> Reply {
      auto slide = std::make_shared<const Slide>(opening);
      holder->set(slide);
      return [slide](Napi::Env env) { return Napi::Value(to_js(env, *slide)); };
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
      const auto slide = holder->ready();
      slide->read(region, rgb->data(), check_of(job));
      return [rgb, damaged = slide->damaged_regions()](Napi::Env env) {
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
      const auto slide = holder->ready();
      auto mask = std::make_shared<TissueMask>(wsss::find_tissue(*slide, search, threads, check_of(job)));
      auto picture = std::make_shared<SlidePicture>();
      if (picture_px > 0) *picture = picture_of(*slide, *mask, picture_px, threads, check_of(job));
      return [mask, picture, damaged = slide->damaged_regions()](Napi::Env env) {
        Napi::Object reply = Napi::Object::New(env);
        set(reply, "damagedRegions", damaged);
        set(reply, "width", mask->width);
        set(reply, "height", mask->height);
        set(reply, "share", mask->share());
        reply.Set("tissue", to_buffer(env, mask->tissue));
        reply.Set("picture", to_js(env, *picture));
        return Napi::Value(reply);
      };
    });
  });
}

// ({rows, names, colours, mppX, ...}, done)
Napi::Value SlideWrap::write_map(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "Slide.writeMap");
    const RowsFile rows = rows_file(Fields(fields.value("rows"), "Slide.writeMap rows"));
    const MapFiles files = map_files(fields);
    const auto threads = static_cast<int>(fields.integer("threads"));
    return submit(info, info[1], [holder = holder_, rows, files, threads](JobContext& job) -> Reply {
      auto summary = std::make_shared<MapSummary>(write_map_files(rows.path, rows.layout, files, check_of(job)));
      auto picture = std::make_shared<SlidePicture>();
      if (files.picture_factor > 0) {
        *picture = overlay_of(*holder->ready(), files.scale_x, files.scale_y, files.picture_factor, summary->small_map,
                              summary->small_width, summary->small_height, files.colours, threads, check_of(job));
      }
      auto heat = std::make_shared<SlidePicture>();
      if (!summary->small_heat.empty()) {
        const auto background = static_cast<std::uint8_t>(files.names.size() - 1);
        *heat = heat_of(*holder->ready(), files.scale_x, files.scale_y, files.picture_factor, summary->small_map,
                        summary->small_heat, summary->small_width, summary->small_height, background, threads,
                        check_of(job));
      }
      return [summary, picture, heat](Napi::Env env) {
        Napi::Object reply = Napi::Object::New(env);
        reply.Set("pixels", to_array(env, std::vector<double>(summary->pixels.begin(), summary->pixels.end())));
        set(reply, "polygons", summary->polygons);
        reply.Set("picture", to_js(env, *picture));
        reply.Set("heat", to_js(env, *heat));
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
      holder->set(nullptr);
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
