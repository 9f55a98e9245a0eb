// Maps of slides: describeMap, readMapTile and scoreMap of NativeSlideFunctions in lib/native/native-slides.ts.

#include "map_tiles.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "addon_state.h"
#include "failure.h"
#include "fields.h"
#include "js_values.h"
#include "slide.h"
#include "slide_patches.h"
#include "wsss/class_map/map_scores.h"
#include "wsss/class_map/pyramid_reader.h"

namespace wsss::binding {

namespace {

// ({path}, done)
Napi::Value describe_map(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return submit_shared(info, 1, [path = Fields(info[0], "describeMap").string("path")](JobContext&) -> Reply {
      auto levels = PyramidReader(path).levels();
      return [levels = std::move(levels)](Napi::Env env) {
        Napi::Array reply = Napi::Array::New(env, levels.size());
        for (std::uint32_t i = 0; i < levels.size(); ++i) {
          Napi::Object level = Napi::Object::New(env);
          set(level, "width", levels[i].width);
          set(level, "height", levels[i].height);
          reply.Set(i, level);
        }
        return Napi::Value(reply);
      };
    });
  });
}

// ({path, level, column, row, colours}, done): colours are [r, g, b, a] of each value, one behind the other; others are
// transparent.
Napi::Value read_map_tile(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "readMapTile");
    const std::string path = fields.string("path");
    const std::int64_t level = fields.integer("level");
    const std::int64_t column = fields.integer("column");
    const std::int64_t row = fields.integer("row");
    TileColours colours{};
    const std::vector<double> given = fields.numbers("colours");
    for (std::size_t i = 0; i < given.size() && i < 4 * colours.size(); ++i) {
      colours[i / 4][i % 4] = static_cast<std::uint8_t>(given[i]);
    }
    return submit_shared(info, 1, [path, level, column, row, colours](JobContext&) -> Reply {
      const MapTile tile = PyramidReader(path).read(level, column, row);
      return [width = tile.width, height = tile.height, rgba = coloured(tile, colours)](Napi::Env env) {
        Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, rgba.size());
        std::memcpy(buffer.Data(), rgba.data(), rgba.size());
        Napi::Object reply = Napi::Object::New(env);
        set(reply, "width", width);
        set(reply, "height", height);
        reply.Set("rgba", buffer);
        return Napi::Value(reply);
      };
    });
  });
}

// ({path, polygons, scaleX, scaleY, classCount}, done)
Napi::Value score_map(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    const Fields fields(info[0], "scoreMap");
    GivenPolygons given(Fields(fields.value("polygons"), "scoreMap polygons"));
    const std::string path = fields.string("path");
    const double scale_x = fields.number("scaleX");
    const double scale_y = fields.number("scaleY");
    const std::int64_t classes = fields.integer("classCount");
    return submit_shared(info, 1, [=, given = std::move(given)](JobContext& job) -> Reply {
      const auto counts = confusion_of(PyramidReader(path), given.set(), scale_x, scale_y, classes, check_of(job));
      return [counts](Napi::Env env) {
        return Napi::Value(to_array(env, std::vector<double>(counts.begin(), counts.end())));
      };
    });
  });
}

}  // namespace

void define_map_tiles(Napi::Env env, Napi::Object exports) {
  exports.Set("describeMap", Napi::Function::New(env, describe_map));
  exports.Set("readMapTile", Napi::Function::New(env, read_map_tile));
  exports.Set("scoreMap", Napi::Function::New(env, score_map));
}

}  // namespace wsss::binding
