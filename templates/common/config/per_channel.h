
    static unsigned {{ f.name }}(unsigned{% if f.varies %} c{% endif %}) { return {{ f.value }}; }
