{%- for c in project.cells %}

namespace nnet {

// {{ c.title }}: one step
static void {{ c.function }}({% for a in c.slices %}const {{ a.type_name }} {{ a.name }}[{{ a.elements }}], {% endfor %}{% for a in c.states %}const {{ a.type_name }} {{ a.name }}[{{ a.elements }}], {% endfor %}{% for a in c.outputs %}{{ a.type_name }} {{ a.name }}[{{ a.elements }}]{% if !loop.last %}, {% endif %}{% endfor %}) {
{%- if !project.is_catapult() %}{% for limit in c.multipliers %}
#ifdef __SYNTHESIS__
    #pragma HLS ALLOCATION operation instances=mul limit={{ limit }}
#endif
{%- endfor %}{% endif %}
{%- for a in c.locals %}
    {{ a.type_name }} {{ a.name }}[{{ a.elements }}];
    QK_REGISTERS({{ a.name }})
{%- endfor %}
{%- for stage in c.stages %}
    // {{ stage.comment }}
{%- for memory in stage.memories %}
    {{ memory }}
{%- endfor %}
{%- for call in stage.calls %}
    nnet::{{ call.function }}({{ call.args|join(", ") }});
{%- endfor %}
{%- endfor %}
}
{%- if !project.is_stream() %}

// {{ c.title }}: all steps
static void {{ c.loop_function }}({% for a in c.operands() %}const {{ a.type_name }} {{ a.name }}[{{ a.elements }}], {% endfor %}{% for r in c.results %}{{ r.array.type_name }} {{ r.array.name }}[{{ r.array.elements }}]{% if !loop.last %}, {% endif %}{% endfor %}) {
{%- for (state, initial) in c.initial() %}
    {{ state.type_name }} {{ state.name }}[{{ state.elements }}];
    QK_REGISTERS({{ state.name }})
{%- match initial %}
{%- when Some with (from) %}
    nnet::copy<{{ state.elements }}>({{ from.name }}, {{ state.name }});
{%- when None %}
    nnet::clear<{{ state.elements }}>({{ state.name }});
{%- endmatch %}
{%- endfor %}
{%- for a in c.outputs %}
    {{ a.type_name }} {{ a.name }}[{{ a.elements }}];
    QK_REGISTERS({{ a.name }})
{%- endfor %}
{%- for ii in c.ii %}
    QK_PIPELINED_LOOP_II({{ ii }})
{%- endfor %}
{%- if c.unroll > 1 %}
    QK_UNROLLED_LOOP_BY({{ c.unroll }})
{%- endif %}
    for (unsigned step = 0; step < {{ c.steps }}; step++) {
{%- for ii in c.ii %}
        QK_PIPELINED_BODY_II({{ ii }})
{%- endfor %}
{%- if c.unroll > 1 %}
        QK_UNROLL_BY({{ c.unroll }})
{%- endif %}
{%- for (from, slice) in c.sequences() %}
        {{ slice.type_name }} {{ slice.name }}[{{ slice.elements }}];
        QK_REGISTERS({{ slice.name }})
        nnet::take<{{ slice.elements }}>({{ from.name }}, step, {{ slice.name }});
{%- endfor %}
        nnet::{{ c.function }}({{ c.args()|join(", ") }});
{%- for r in c.results %}{% if r.sequence %}
        nnet::put<{{ r.from.elements }}>({{ r.from.name }}, step, {{ r.array.name }});
{%- endif %}{% endfor %}
{%- for (next, state) in c.updates() %}
        nnet::copy<{{ state.elements }}>({{ next }}, {{ state.name }});
{%- endfor %}
    }
{%- for r in c.results %}{% if !r.sequence %}
    nnet::copy<{{ r.from.elements }}>({{ r.from.name }}, {{ r.array.name }});
{%- endif %}{% endfor %}
}
{%- endif %}

} // namespace nnet
{%- endfor %}
