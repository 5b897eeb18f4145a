#ifndef {{ project.name }}_H_
#define {{ project.name }}_H_

#include "defines.h"

#if defined(__SYNTHESIS__) || defined(CCS_SCVERIFY)
#include <mc_scverify.h>
#else
// Plain C++, without Catapult's own headers.
#ifndef CCS_BLOCK
#define CCS_BLOCK(name) name
#define CCS_MAIN(argc, argv) int main(argc, argv)
#define CCS_RETURN(status) return (status)
#endif
#endif

// hls-fpga-machine-learning insert namespace-start
namespace {{ project.name }} {

{% include "common/signature.cpp" %};

// hls-fpga-machine-learning insert namespace-end
} // namespace {{ project.name }}

#endif
