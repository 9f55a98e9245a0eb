// A quick test of whether work on a device can be recorded.
#pragma once

#include <c10/core/Device.h>

#include <string>

#include "wsss/recording/device_graph.h"

namespace wsss {

/// Records a tiny piece of work on a device and replays it, to see whether trainings there will be able to record.
///
/// @return  why not; empty if it did what it should.
/// @throws  c10::Error if the device cannot even compute.
std::string try_recording(const c10::Device& device, const GraphSource& source);

}  // namespace wsss
