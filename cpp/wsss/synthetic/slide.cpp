#include "wsss/synthetic/slide.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "wsss/core/error.h"
#include "wsss/synthetic/cells.h"
#include "wsss/synthetic/ground.h"
#include "wsss/synthetic/noise.h"
#include "wsss/synthetic/regions.h"
#include "wsss/synthetic/stain.h"

namespace wsss {
namespace {

using synthetic::derive_key;
using synthetic::Random;
using synthetic::RegionMap;

constexpr int kMinSidePx = 256;
constexpr int kMaxSidePx = 8192;
// The part of the slide that one piece of tissue has to itself.
constexpr int kPlotWidthPx = 760;
constexpr int kPlotHeightPx = 600;
// Patches and slides of one seed share nothing.
constexpr std::uint64_t kSlides = 0x51de;

struct Colour {
  float red, green, blue;
};

void require_side(const char* name, int value) {
  if (value >= kMinSidePx && value <= kMaxSidePx) return;
  throw Error(ErrorCode::kOption, std::string(name) + " of a synthetic slide must be " + std::to_string(kMinSidePx) +
                                      " to " + std::to_string(kMaxSidePx) + " pixels, received " +
                                      std::to_string(value));
}

/// What is drawn before it is stained.
struct Canvas {
  RegionMap regions;
  synthetic::DyePlanes planes;
};

/// Puts a piece of tissue onto the slide.
void place_piece(Canvas& slide, std::uint64_t key, int top, int left, int height, int width) {
  const RegionMap regions = synthetic::draw_piece(derive_key(key, 1), height, width);
  const synthetic::FibreField fibres(derive_key(key, 2));
  synthetic::DyePlanes planes(height, width);
  synthetic::paint_ground(planes, regions, fibres, derive_key(key, 3));
  synthetic::paint_cells(planes, regions, fibres, derive_key(key, 4));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::size_t from = regions.index(y, x);
      if (regions.mask[from] == synthetic::kGlass) continue;
      const std::size_t to = slide.regions.index(top + y, left + x);
      slide.regions.mask[to] = regions.mask[from];
      slide.planes.haematoxylin[to] = planes.haematoxylin[from];
      slide.planes.eosin[to] = planes.eosin[from];
    }
  }
}

/// One piece in each plot of the slide, of another size and place each.
void place_pieces(Canvas& slide, std::uint64_t key, const CancelToken& cancel) {
  const int columns = std::max(1, slide.regions.width / kPlotWidthPx);
  const int rows = std::max(1, slide.regions.height / kPlotHeightPx);
  const int plot_width = slide.regions.width / columns;
  const int plot_height = slide.regions.height / rows;
  for (int plot = 0; plot < columns * rows; ++plot) {
    cancel.check();
    const std::uint64_t plot_key = derive_key(key, static_cast<std::uint64_t>(plot));
    Random random(plot_key);
    const int width = static_cast<int>(random.uniform(0.72F, 0.94F) * static_cast<float>(plot_width));
    const int height = static_cast<int>(random.uniform(0.72F, 0.94F) * static_cast<float>(plot_height));
    const int left = plot % columns * plot_width + random.below(plot_width - width);
    const int top = plot / columns * plot_height + random.below(plot_height - height);
    place_piece(slide, derive_key(plot_key, 1), top, left, height, width);
  }
}

/// Colours a disc of glass; what lies on tissue would be a truth of its own.
void stain_glass(SyntheticSlide& slide, float centre_x, float centre_y, float radius, Colour colour, float opacity) {
  const int top = std::max(0, synthetic::floor_to_int(centre_y - radius));
  const int bottom = std::min(slide.height - 1, synthetic::floor_to_int(centre_y + radius) + 1);
  const int left = std::max(0, synthetic::floor_to_int(centre_x - radius));
  const int right = std::min(slide.width - 1, synthetic::floor_to_int(centre_x + radius) + 1);
  const std::array<float, 3> paint{colour.red, colour.green, colour.blue};
  for (int y = top; y <= bottom; ++y) {
    for (int x = left; x <= right; ++x) {
      const float dx = static_cast<float>(x) - centre_x;
      const float dy = static_cast<float>(y) - centre_y;
      const auto pixel =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(slide.width) + static_cast<std::size_t>(x);
      if (dx * dx + dy * dy > radius * radius || slide.mask[pixel] != synthetic::kGlass) continue;
      for (std::size_t c = 0; c < 3; ++c) {
        const auto before = static_cast<float>(slide.rgb[3 * pixel + c]);
        slide.rgb[3 * pixel + c] = static_cast<std::uint8_t>(before + opacity * (paint[c] - before) + 0.5F);
      }
    }
  }
}

/// A line of a felt pen, as they mark what is worth a look.
void draw_pen(SyntheticSlide& slide, Random& random) {
  constexpr std::array<Colour, 3> inks{Colour{28.0F, 58.0F, 150.0F}, Colour{18.0F, 118.0F, 62.0F},
                                       Colour{34.0F, 34.0F, 38.0F}};
  constexpr float step = 4.0F;
  const Colour ink = inks[static_cast<std::size_t>(random.below(3))];
  const float radius = random.uniform(5.0F, 9.0F);
  float x = random.uniform(0.0F, static_cast<float>(slide.width));
  float y = random.uniform(0.0F, static_cast<float>(slide.height));
  synthetic::UnitVector course = synthetic::random_direction(random);
  for (int i = 0; i < 90; ++i) {
    stain_glass(slide, x, y, radius, ink, 0.9F);
    // A slow turn, kept at length 1 roughly: the pen does not care.
    const float turn = 0.05F + 0.04F * random.bell();
    course = {course.x - turn * course.y, course.y + turn * course.x};
    x += step * course.x;
    y += step * course.y;
  }
}

void draw_dust(SyntheticSlide& slide, Random& random) {
  constexpr Colour dirt{92.0F, 84.0F, 78.0F};
  const int specks = static_cast<int>(static_cast<std::int64_t>(slide.width) * slide.height / 150'000);
  for (int i = 0; i < specks; ++i) {
    const float x = random.uniform(0.0F, static_cast<float>(slide.width));
    const float y = random.uniform(0.0F, static_cast<float>(slide.height));
    stain_glass(slide, x, y, random.uniform(1.5F, 7.0F), dirt, random.uniform(0.3F, 0.8F));
  }
}

}  // namespace

SyntheticSlide synthesize_slide(std::uint64_t seed, std::uint64_t slide_index, int height, int width,
                                const CancelToken& cancel) {
  require_side("height", height);
  require_side("width", width);
  const std::uint64_t key = derive_key(derive_key(seed, kSlides), slide_index);
  const std::size_t pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  Canvas canvas{{height, width, std::vector<std::uint8_t>(pixels, synthetic::kGlass)}, {height, width}};
  const synthetic::FibreField no_fibres(derive_key(key, 1));
  synthetic::paint_ground(canvas.planes, canvas.regions, no_fibres, derive_key(key, 2));
  place_pieces(canvas, derive_key(key, 3), cancel);
  cancel.check();
  Random stain_random(derive_key(key, 4));
  const synthetic::StainProfile stain = synthetic::draw_stain_profile(stain_random);
  SyntheticSlide slide{height, width,
                       synthetic::render_stain(canvas.planes, canvas.regions.mask, stain, derive_key(key, 5)),
                       std::move(canvas.regions.mask)};
  Random marks(derive_key(key, 6));
  for (int i = 0; i < 2; ++i) draw_pen(slide, marks);
  draw_dust(slide, marks);
  return slide;
}

}  // namespace wsss
