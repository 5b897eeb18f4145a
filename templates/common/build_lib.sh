#!/bin/bash
# Builds firmware/{{ project.name }}-{{ stamp }}.so, which Python can load (see {{ project.name }}_bridge.cpp).
#
# The vendor's open headers are looked for where the compiler does: set CPLUS_INCLUDE_PATH to their
# folder (`qk-hls headers path` prints it).
set -e
cd "$(dirname "$0")"

CXX=${CXX:-g++}
CXXFLAGS=${CXXFLAGS:--O1 -fstrict-aliasing -finline-small-functions -std=c++11}
PROJECT={{ project.name }}
LIB_STAMP={{ stamp }}

# One translation unit: the vendor's headers are half of the work.
${CXX} ${CXXFLAGS} -fPIC -DQK_TRACE -DQK_LIBRARY -shared -I . -x c++ -o firmware/${PROJECT}-${LIB_STAMP}.so - <<UNIT
#include "firmware/${PROJECT}.cpp"
#include "${PROJECT}_bridge.cpp"
UNIT
