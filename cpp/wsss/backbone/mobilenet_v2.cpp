#include "wsss/backbone/mobilenet_v2.h"

namespace wsss {

ResidualPlan mobilenet_v2(BlockPadding padding) {
  return {32,
          {{1, 16, 1, 1, 3},
           {6, 24, 2, 2, 3},
           {6, 32, 3, 2, 3},
           {6, 64, 4, 2, 3},
           {6, 96, 3, 1, 3},
           {6, 160, 3, 2, 3},
           {6, 320, 1, 1, 3}},
          1280,
          padding,
          1e-5};
}

}  // namespace wsss
