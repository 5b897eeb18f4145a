#!/bin/bash
# Builds firmware/{{ project.name }}-{{ stamp }}.so, which Python can load (see {{ project.name }}_bridge.cpp).
#
# The vendor's open headers are looked for where the compiler does: set CPLUS_INCLUDE_PATH to their
# folder (`qk-hls headers path` prints it).
set -e
cd "$(dirname "$0")"

CXX=${CXX:-g++}
CXXFLAGS=${CXXFLAGS:--O2 -std=c++11}
PROJECT={{ project.name }}
LIB_STAMP={{ stamp }}

${CXX} ${CXXFLAGS} -fPIC -DQK_TRACE -shared firmware/${PROJECT}.cpp ${PROJECT}_bridge.cpp \
    -o firmware/${PROJECT}-${LIB_STAMP}.so
