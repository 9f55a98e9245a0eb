// See README.md of this folder.
#pragma once

namespace gloo::transport {
class Device;
}
