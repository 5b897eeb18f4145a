#ifndef {{ project.name }}_PARAMETERS_H_
#define {{ project.name }}_PARAMETERS_H_

#include "defines.h"
{% for h in project.headers %}
#include "nnet_utils/{{ h }}.h"
{%- endfor %}

// hls-fpga-machine-learning insert weights
{%- for k in project.all_kernels() %}{% for a in k.arrays %}{% if a.own_file %}
#include "weights/{{ a.name }}.h"
{%- endif %}{% endfor %}{% endfor %}

namespace {{ project.name }} {

// hls-fpga-machine-learning insert layer-config
{%- for k in project.all_kernels() %}{% if k.has_parameters() %}

// {{ k.origin }}: {{ k.title }}
{%- for a in k.arrays %}{% if !a.own_file %}
{{ a.definition() }}
{%- endif %}{% endfor %}
{%- match k.config %}
{%- when Config::None %}
{%- when Config::Dense with (c) %}
{%- include "common/config/dense.h" %}
{%- when Config::Conv with (c) %}
{%- include "common/config/conv.h" %}
{%- when Config::MatMul with (c) %}
{%- include "common/config/matmul.h" %}
{%- when Config::Pointwise with (c) %}
{%- include "common/config/pointwise.h" %}
{%- when Config::Cast with (c) %}
{%- include "common/config/cast.h" %}
{%- when Config::Lut with (t) %}
{%- include "common/config/lut.h" %}
{%- when Config::Threshold with (t) %}
{%- include "common/config/threshold.h" %}
{%- when Config::Pool with (c) %}
{%- include "common/config/pool.h" %}
{%- when Config::Merge with (c) %}
{%- include "common/config/merge.h" %}
{%- when Config::Rearrange with (c) %}
{%- include "common/config/rearrange.h" %}
{%- when Config::Reduce with {positions, channels} %}
{%- include "common/config/reduce.h" %}
{%- endmatch %}
{%- endif %}{% endfor %}

} // namespace {{ project.name }}

#endif
