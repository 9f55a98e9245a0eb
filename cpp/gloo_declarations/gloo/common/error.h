// See README.md of this folder. ProcessGroupGloo.hpp includes this file and uses nothing of it.
#pragma once
