#ifndef {{ project.name }}_H_
#define {{ project.name }}_H_

#include "defines.h"

// hls-fpga-machine-learning insert namespace-start
namespace {{ project.name }} {

{% include "common/signature.cpp" %};

// hls-fpga-machine-learning insert namespace-end
} // namespace {{ project.name }}

#endif
