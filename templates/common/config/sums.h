
    static const unsigned channels = {{ s.channels }};
    static const unsigned filters = {{ s.filters }};
    static const unsigned groups = {{ s.groups }};
    typedef {{ s.product }} product;
    typedef {{ s.accum }} accum_t;
    typedef {{ s.weight }} weight_t;
    typedef {{ s.bias }} bias_t;
{%- let f = s.shift %}{% include "common/config/per_channel.h" %}
{%- let f = s.place %}{% include "common/config/per_channel.h" %}
