#include "wsss/image/colour_jitter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace wsss {

namespace {

using Vector = std::array<double, 3>;
using Matrix = std::array<Vector, 3>;

constexpr Vector kGrey{0.299, 0.587, 0.114};
constexpr Matrix kIdentity{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t k = 0; k < 3; ++k) result[i][j] += a[i][k] * b[k][j];
    }
  }
  return result;
}

/// By cofactors.
Matrix inverse(const Matrix& m) {
  Matrix result{};
  double determinant = 0.0;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      const std::size_t r = (i + 1) % 3, s = (i + 2) % 3, c = (j + 1) % 3, d = (j + 2) % 3;
      result[j][i] = m[r][c] * m[s][d] - m[r][d] * m[s][c];
    }
    determinant += m[0][i] * result[i][0];
  }
  for (auto& row : result) {
    for (double& value : row) value /= determinant;
  }
  return result;
}

/// From RGB to luma and two axes of chroma.
constexpr Matrix kYiq{{{0.299, 0.587, 0.114}, {0.5959, -0.2746, -0.3213}, {0.2115, -0.5227, 0.3112}}};

Matrix hue_turn(double turns) {
  if (turns == 0.0) return kIdentity;
  const double angle = 2.0 * std::numbers::pi * turns, c = std::cos(angle), s = std::sin(angle);
  return product(inverse(kYiq), product(Matrix{{{1, 0, 0}, {0, c, -s}, {0, s, c}}}, kYiq));
}

Matrix saturation_of(double factor) {
  Matrix result = kIdentity;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) result[i][j] = factor * kIdentity[i][j] + (1.0 - factor) * kGrey[j];
  }
  return result;
}

/// Colours of haematoxylin, of eosin, and of what neither explains, in optical density (Ruifrok and Johnston 2001).
constexpr Matrix kStains{{{0.65, 0.70, 0.29}, {0.07, 0.99, 0.11}, {0.27, 0.57, 0.78}}};

std::int32_t fixed(double value) { return static_cast<std::int32_t>(std::llround(std::ldexp(value, kColourShift))); }

ColourMap colour_map(const Matrix& matrix, const Vector& constants) {
  ColourMap map{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) map.rows[i][j] = fixed(matrix[i][j]);
    map.rows[i][3] = fixed(constants[i]);
  }
  return map;
}

ColourMap light_map(const LightJitter& light, double mean) {
  const Matrix chroma = product(hue_turn(light.hue), saturation_of(light.saturation));
  Matrix matrix = chroma;
  for (auto& row : matrix) {
    for (double& value : row) value *= light.brightness * light.contrast;
  }
  // A grey keeps its saturation and its hue, so that the constant of the contrast passes both as it is.
  const double constant = (1.0 - light.contrast) * light.brightness * mean;
  return colour_map(matrix, {constant, constant, constant});
}

ColourMap stain_map(const StainJitter& stain) {
  const Matrix amounts = inverse(kStains);  // Of each stain, by column.
  Matrix matrix = kIdentity;
  Vector constants{};
  const std::array<double, 2> factors{stain.haematoxylin, stain.eosin};
  const std::array<double, 2> shifts{stain.haematoxylin_shift, stain.eosin_shift};
  for (std::size_t k = 0; k < 2; ++k) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) matrix[i][j] += (factors[k] - 1.0) * kStains[k][i] * amounts[j][k];
      constants[i] += shifts[k] * kStains[k][i] * kDensitySteps;
    }
  }
  return colour_map(matrix, constants);
}

}  // namespace

double mean_grey(const std::uint8_t* rgb, std::int64_t pixels) {
  std::array<std::int64_t, 3> sums{};
  for (std::int64_t i = 0; i < pixels; ++i) {
    for (std::size_t c = 0; c < 3; ++c) sums[c] += rgb[i * 3 + static_cast<std::int64_t>(c)];
  }
  double grey = 0.0;
  for (std::size_t c = 0; c < 3; ++c) grey += kGrey[c] * static_cast<double>(sums[c]);
  return grey / static_cast<double>(pixels);
}

Recolouring recolouring_of(const LightJitter& light, const StainJitter& stain, double mean_grey) {
  Recolouring how{};
  how.changes_light = light.changes();
  how.changes_stain = stain.changes();
  if (how.changes_light) how.light = light_map(light, mean_grey);
  if (how.changes_stain) how.stain = stain_map(stain);
  return how;
}

DensityTables density_tables() {
  struct Tables {
    std::array<std::int32_t, 256> density{};
    std::array<std::uint8_t, kLargestDensity + 1> value{};
    Tables() {
      // Light is (value + 1) / 256, so that black has a density too.
      for (std::size_t v = 0; v < density.size(); ++v) {
        density[v] =
            static_cast<std::int32_t>(std::lround(-std::log(static_cast<double>(v + 1) / 256) * kDensitySteps));
      }
      for (std::size_t d = 0; d < value.size(); ++d) {
        const double light = 256.0 * std::exp(-static_cast<double>(d) / kDensitySteps) - 1.0;
        value[d] = static_cast<std::uint8_t>(std::clamp(std::lround(light), 0L, 255L));
      }
    }
  };
  static const Tables kTables;
  return {kTables.density.data(), kTables.value.data()};
}

}  // namespace wsss
