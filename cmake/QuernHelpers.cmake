# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The functions with which every folder describes what it builds:
#
#   quern_tablegen(<target> <file.td> "<mlir-tblgen flags>" <output> ...)
#   quern_flatbuffers(<target> <schema.fbs>)
#   quern_add_library(<name> SRCS ... [LINK ...] [DEPENDS ...] [EXCEPTIONS] [NO_PCH])
#   quern_add_executable(<name> SRCS ... [LINK ...] [DEPENDS ...] [EXCEPTIONS] [NO_PCH])
#
# LINK takes Quern's libraries, MLIR, LLVM, lldELF, ONNX::onnx and so on; DEPENDS takes targets of
# quern_tablegen and quern_flatbuffers. Both pass on to whoever links the library. Includes are
# relative to the repository root (generated ones to the build folder):
# "dialects/Quern/QuernOps.h" and "dialects/Quern/QuernOps.h.inc".

configure_file("${PROJECT_SOURCE_DIR}/cmake/Version.h.in" "${PROJECT_BINARY_DIR}/cmake/Version.h")

# What every C++ target of Quern compiles with.
add_library(quern_flags INTERFACE)
target_include_directories(quern_flags INTERFACE "${PROJECT_SOURCE_DIR}")
target_include_directories(quern_flags SYSTEM INTERFACE
                           "${PROJECT_BINARY_DIR}" ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
separate_arguments(quern_llvm_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
target_compile_options(quern_flags INTERFACE
                       "$<$<COMPILE_LANGUAGE:CXX>:${quern_llvm_definitions}>"
                       -Wall -Wextra -Wno-unused-parameter
                       $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
                       $<$<BOOL:${QUERN_ENABLE_WERROR}>:-Werror>)

# One precompiled header for code without exceptions, one for code with; each is compiled only
# when a target asks for it. Debian's LLVM has RTTI, so RTTI stays on.
function(quern_add_pch name)
  add_library(${name} OBJECT EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/cmake/pch.cpp")
  target_link_libraries(${name} PRIVATE quern_flags)
  target_compile_options(${name} PRIVATE ${ARGN})
  target_precompile_headers(${name} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/pch.h")
  # ccache hashes the header's contents; a time stamp inside would defeat it.
  target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
endfunction()
if(QUERN_ENABLE_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  quern_add_pch(quern_pch -fno-exceptions)
  quern_add_pch(quern_pch_exceptions -fexceptions)
endif()

# Flags, precompiled header, links and order that libraries and programs share.
function(quern_configure_target target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "EXCEPTIONS;NO_PCH" "" "SRCS;LINK;DEPENDS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${target}: unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  target_link_libraries(${target} PRIVATE quern_flags PUBLIC ${arg_LINK})
  if(arg_EXCEPTIONS)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fexceptions>)
    set(pch quern_pch_exceptions)
  else()
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
    set(pch quern_pch)
  endif()
  if(TARGET ${pch} AND NOT arg_NO_PCH)
    target_precompile_headers(${target} REUSE_FROM ${pch})
  endif()
  if(arg_DEPENDS)
    add_dependencies(${target} ${arg_DEPENDS})
  endif()
endfunction()

# A static library. Sources may be added later by target_sources.
function(quern_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "EXCEPTIONS;NO_PCH" "" "SRCS;LINK;DEPENDS")
  add_library(${name} STATIC ${arg_SRCS})
  quern_configure_target(${name} ${ARGN})
endfunction()

# A program in the build's bin folder.
function(quern_add_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "EXCEPTIONS;NO_PCH" "" "SRCS;LINK;DEPENDS")
  add_executable(${name} ${arg_SRCS})
  quern_configure_target(${name} ${ARGN})
endfunction()

# Runs mlir-tblgen over <td> once for each pair of flags and output; outputs go to the matching
# folder of the build tree:
#   quern_tablegen(QuernOpsIncGen QuernOps.td
#                  "-gen-op-decls" QuernOps.h.inc
#                  "-gen-typedef-decls -typedefs-dialect=quern" QuernTypes.h.inc)
function(quern_tablegen target td)
  set(outputs "")
  set(pairs ${ARGN})
  cmake_path(ABSOLUTE_PATH td BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" OUTPUT_VARIABLE source)
  set(includes "-I${CMAKE_CURRENT_SOURCE_DIR}" "-I${PROJECT_SOURCE_DIR}" "-I${PROJECT_BINARY_DIR}")
  foreach(folder ${MLIR_INCLUDE_DIRS})
    list(APPEND includes "-I${folder}")
  endforeach()
  while(pairs)
    list(POP_FRONT pairs flags name)
    separate_arguments(flags UNIX_COMMAND "${flags}")
    set(output "${CMAKE_CURRENT_BINARY_DIR}/${name}")
    # --write-if-changed: an edited comment in a .td must not rebuild the world.
    add_custom_command(
      OUTPUT "${output}"
      COMMAND "${QUERN_MLIR_TBLGEN}" ${flags} ${includes} "${source}" --write-if-changed
              -o "${output}" -d "${output}.d"
      DEPENDS "${source}" "${QUERN_MLIR_TBLGEN}"
      DEPFILE "${output}.d"
      COMMENT "Generating ${name}"
      VERBATIM)
    list(APPEND outputs "${output}")
  endwhile()
  add_custom_target(${target} DEPENDS ${outputs})
endfunction()

# Generates <schema>_generated.h into the matching folder of the build tree.
function(quern_flatbuffers target schema)
  cmake_path(ABSOLUTE_PATH schema BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
             OUTPUT_VARIABLE source)
  cmake_path(GET schema STEM stem)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${stem}_generated.h")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${QUERN_FLATC}" --cpp --scoped-enums --gen-object-api -o "${CMAKE_CURRENT_BINARY_DIR}"
            "${source}"
    DEPENDS "${source}"
    COMMENT "Generating ${stem}_generated.h"
    VERBATIM)
  add_custom_target(${target} DEPENDS "${output}")
endfunction()
