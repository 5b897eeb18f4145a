{%- for p in network.processes %}
// {{ p.title }}
{%- if project.is_catapult() %}
#ifdef __SYNTHESIS__
#pragma hls_design block
#endif
{%- endif %}
static void {{ p.function }}(
{%- for a in p.inputs %}nnet::stream<{{ a.word }}> &{{ a.parameter }}{% if !loop.last || !p.outputs.is_empty() %}, {% endif %}{% endfor %}
{%- for a in p.outputs %}nnet::stream<{{ a.word }}> &{{ a.parameter }}{% if !loop.last %}, {% endif %}{% endfor %}) {
{%- match p.form %}
{%- when Form::Pixels with (_steps) %}
{%- for stage in p.stages %}
    // {{ stage.comment }}
{%- for memory in stage.memories %}
    {{ memory }}
{%- endfor %}
{%- for call in stage.calls %}
    nnet::{{ call.function }}({{ call.args|join(", ") }});
{%- endfor %}
{%- endfor %}
{%- when Form::Clone with (count) %}
    QK_PIPELINED_LOOP
    for (unsigned n = 0; n < {{ count }}; n++) {
        QK_PIPELINED_BODY
        {% if !p.outputs.is_empty() %}const {{ p.inputs[0].word }} word = {% endif %}{{ p.inputs[0].parameter }}.read();
{%- for a in p.outputs %}
        {{ a.parameter }}.write(word);
{%- endfor %}
    }
{%- when Form::Words with (count) %}
{%- for ii in p.ii %}
    QK_PIPELINED_LOOP_II({{ ii }})
{%- endfor %}
    for (unsigned n = 0; n < {{ count }}; n++) {
{%- for ii in p.ii %}
        QK_PIPELINED_BODY_II({{ ii }})
{%- endfor %}
{%- for a in p.arrays() %}
        {{ a.type_name }} {{ a.name }}[{{ a.elements }}];
        QK_REGISTERS({{ a.name }})
{%- endfor %}
{%- for a in p.inputs %}
        nnet::read<{{ a.word }}>({{ a.parameter }}, {{ a.array.name }});
{%- endfor %}
{%- for stage in p.stages %}
        // {{ stage.comment }}
{%- for memory in stage.memories %}
        {{ memory }}
{%- endfor %}
{%- for call in stage.calls %}
        nnet::{{ call.function }}({{ call.args|join(", ") }});
{%- endfor %}
{%- endfor %}
{%- for a in p.outputs %}
        nnet::write<{{ a.word }}>({{ a.array.name }}, {{ a.parameter }});
{%- endfor %}
    }
{%- when Form::Steps with (count) %}
{%- for c in p.cell(project.cells) %}
{%- for (state, initial) in p.initial(c) %}
    {{ state.type_name }} {{ state.name }}[{{ state.elements }}];
    QK_REGISTERS({{ state.name }})
{%- match initial %}
{%- when Some with (a) %}
    {{ a.array.type_name }} {{ a.array.name }}[{{ a.array.elements }}];
    QK_REGISTERS({{ a.array.name }})
    nnet::read_all<{{ a.words }}, {{ a.word }}>({{ a.parameter }}, {{ a.array.name }});
    nnet::copy<{{ state.elements }}>({{ a.array.name }}, {{ state.name }});
{%- when None %}
    nnet::clear<{{ state.elements }}>({{ state.name }});
{%- endmatch %}
{%- endfor %}
{%- for a in c.outputs %}
    {{ a.type_name }} {{ a.name }}[{{ a.elements }}];
    QK_REGISTERS({{ a.name }})
{%- endfor %}
{%- for ii in p.ii %}
    QK_PIPELINED_LOOP_II({{ ii }})
{%- endfor %}
    for (unsigned step = 0; step < {{ count }}; step++) {
{%- for ii in p.ii %}
        QK_PIPELINED_BODY_II({{ ii }})
{%- endfor %}
{%- for (a, slice) in p.sequences(c) %}
        {{ a.array.type_name }} {{ a.array.name }}[{{ a.array.elements }}];
        QK_REGISTERS({{ a.array.name }})
        {{ slice.type_name }} {{ slice.name }}[{{ slice.elements }}];
        QK_REGISTERS({{ slice.name }})
{%- for words in a.per_step %}
        nnet::read_all<{{ words }}, {{ a.word }}>({{ a.parameter }}, {{ a.array.name }});
{%- endfor %}
        nnet::copy<{{ slice.elements }}>({{ a.array.name }}, {{ slice.name }});
{%- endfor %}
        nnet::{{ c.function }}({{ c.args()|join(", ") }});
{%- for r in c.results %}{% for a in p.output(r) %}{% for words in a.per_step %}
        {{ a.array.type_name }} {{ a.array.name }}[{{ a.array.elements }}];
        QK_REGISTERS({{ a.array.name }})
        nnet::copy<{{ r.from.elements }}>({{ r.from.name }}, {{ a.array.name }});
        nnet::write_all<{{ words }}, {{ a.word }}>({{ a.array.name }}, {{ a.parameter }});
{%- endfor %}{% endfor %}{% endfor %}
{%- for (next, state) in c.updates() %}
        nnet::copy<{{ state.elements }}>({{ next }}, {{ state.name }});
{%- endfor %}
    }
{%- for r in c.results %}{% if !r.sequence %}{% for a in p.output(r) %}
    {{ a.array.type_name }} {{ a.array.name }}[{{ a.array.elements }}];
    QK_REGISTERS({{ a.array.name }})
    nnet::copy<{{ r.from.elements }}>({{ r.from.name }}, {{ a.array.name }});
    nnet::write_all<{{ a.words }}, {{ a.word }}>({{ a.array.name }}, {{ a.parameter }});
{%- endfor %}{% endif %}{% endfor %}
{%- endfor %}
{%- when Form::Whole %}
{%- for a in p.arrays() %}
    {{ a.type_name }} {{ a.name }}[{{ a.elements }}];
    QK_REGISTERS({{ a.name }})
{%- endfor %}
{%- for a in p.inputs %}
    nnet::read_all<{{ a.words }}, {{ a.word }}>({{ a.parameter }}, {{ a.array.name }});
{%- endfor %}
{%- for stage in p.stages %}
    // {{ stage.comment }}
{%- for memory in stage.memories %}
    {{ memory }}
{%- endfor %}
{%- for call in stage.calls %}
    nnet::{{ call.function }}({{ call.args|join(", ") }});
{%- endfor %}
{%- endfor %}
{%- for a in p.outputs %}
    nnet::write_all<{{ a.words }}, {{ a.word }}>({{ a.array.name }}, {{ a.parameter }});
{%- endfor %}
{%- endmatch %}
}
{% endfor %}
