# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Finds what Quern is built from (third_party/README.md). Each is an imported target, so its
# headers are system headers to our warnings.

# The user's own prefixes come first.
list(APPEND CMAKE_PREFIX_PATH "${PROJECT_SOURCE_DIR}/third_party/.deps/install"
     /usr/lib/llvm-22)

find_package(LLVM 22.1 REQUIRED CONFIG)
find_package(MLIR 22.1 REQUIRED CONFIG)
find_package(LLD REQUIRED CONFIG)
# ONNX's package file asks for protobuf's targets, which FindProtobuf makes.
find_package(Protobuf REQUIRED)
find_package(ONNX 1.22 CONFIG)
if(NOT ONNX_FOUND)
  message(FATAL_ERROR "the onnx C++ library is missing; run third_party/setup.sh first")
endif()
find_package(FlatBuffers REQUIRED CONFIG)
find_package(CLI11 REQUIRED CONFIG)
find_package(nlohmann_json REQUIRED CONFIG)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(GTest REQUIRED CONFIG)
find_package(benchmark REQUIRED CONFIG)
message(STATUS "Using LLVM ${LLVM_PACKAGE_VERSION}, ONNX ${ONNX_VERSION}, "
               "protobuf ${Protobuf_VERSION}")

# The LLVM tools by full path: the unsuffixed ones on a machine may be another version.
set(QUERN_LLVM_TOOLS_DIR "${LLVM_TOOLS_BINARY_DIR}")
find_program(QUERN_MLIR_TBLGEN mlir-tblgen HINTS "${QUERN_LLVM_TOOLS_DIR}" NO_DEFAULT_PATH
             REQUIRED)
find_program(QUERN_FLATC flatc REQUIRED)
