#ifndef {{ project.name }}_DEFINES_H_
#define {{ project.name }}_DEFINES_H_

{% if project.is_stream() -%}
#include "nnet_utils/stream.h"
{% endif -%}
#include "nnet_utils/types.h"

namespace {{ project.name }} {

// hls-fpga-machine-learning insert numbers

// hls-fpga-machine-learning insert layer-precision
{%- for t in project.types %}
typedef {{ t.spelled }} {{ t.name }}; // {{ t.comment }}
{%- endfor %}

} // namespace {{ project.name }}

#endif
