// The loops of affine_activation.cpp, compiled by each_processor.h.

#include "wsss/convolution/lanes.h"

void forward_pixels(const T* x, const Epilogue<T>& epilogue, std::int64_t channels, std::int64_t begin,
                    std::int64_t end, T* y) {
  const auto [low, high] = epilogue.bounds;
  const Lanes lows = Lanes{} + low;
  const Lanes highs = Lanes{} + high;
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const std::int64_t at = pixel * channels;
    std::int64_t c = 0;
    for (; c + kStep <= channels; c += kStep) {
      Lanes value, term;
      load(value, x + at + c);
      load(term, epilogue.scale + c);
      value *= term;
      load(term, epilogue.shift + c);
      value += term;
      if (epilogue.shortcut != nullptr) {
        load(term, epilogue.shortcut + at + c);
        value += term;
      }
      clamp(value, lows, highs);
      store(y + at + c, value);
    }
    for (; c < channels; ++c) {
      const float affine = value_of(x[at + c]) * epilogue.scale[c] + epilogue.shift[c];
      const float more = epilogue.shortcut == nullptr ? 0.0F : value_of(epilogue.shortcut[at + c]);
      store_value(y + at + c, clamped(affine + more, low, high));
    }
  }
}

void backward_pixels(const Gradients<T>& maps, const float* scale, const Bounds& bounds, std::int64_t channels,
                     std::int64_t begin, std::int64_t end) {
  const Lanes lows = Lanes{} + bounds.low;
  const Lanes highs = Lanes{} + bounds.high;
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const std::int64_t at = pixel * channels;
    std::int64_t c = 0;
    for (; c + kStep <= channels; c += kStep) {
      Lanes through, term;
      load(through, maps.of_y + at + c);
      load(term, maps.y + at + c);
      pass(through, term, lows, highs);
      if (maps.of_shortcut != nullptr) store(maps.of_shortcut + at + c, through);
      load(term, scale + c);
      through *= term;
      store(maps.of_x + at + c, through);
    }
    for (; c < channels; ++c) {
      const float through = passed(value_of(maps.of_y[at + c]), value_of(maps.y[at + c]), bounds.low, bounds.high);
      if (maps.of_shortcut != nullptr) store_value(maps.of_shortcut + at + c, through);
      store_value(maps.of_x + at + c, through * scale[c]);
    }
  }
}

constexpr Loops<T> loops{&forward_pixels, &backward_pixels};
