# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Language level, output folders and the flags that every target shares.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

# The type of the dev preset: quick to compile and to run, assertions on, no debug information.
set(CMAKE_C_FLAGS_DEV "-O1" CACHE STRING "C flags of the Dev build type")
set(CMAKE_CXX_FLAGS_DEV "-O1" CACHE STRING "C++ flags of the Dev build type")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Dev CACHE STRING "Dev, Release, RelWithDebInfo or Debug" FORCE)
endif()

# -fPIC for executables too: one precompiled header then serves libraries and programs.
add_compile_options(-fPIC)
# Only what a program calls is worth linking: keeps the tools small.
add_compile_options(-ffunction-sections -fdata-sections)
add_link_options(-fuse-ld=lld -Wl,--gc-sections)
if(QUERN_ENABLE_ASSERTIONS)
  add_compile_options(-UNDEBUG)
endif()
if(QUERN_SANITIZE)
  add_compile_options(-fsanitize=${QUERN_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer -gline-tables-only)
  # Type checks by vtable need every library to be built the same way; libMLIR is not.
  add_compile_options(-fno-sanitize=vptr,function)
  add_link_options(-fsanitize=${QUERN_SANITIZE})
endif()

if(QUERN_ENABLE_CCACHE)
  find_program(QUERN_CCACHE ccache)
  if(QUERN_CCACHE)
    # Precompiled headers can be cached only if their time stamps and unused macros are ignored.
    # Not by cmake -E env: its path would recompile all when another CMake configures.
    set(QUERN_CCACHE_LAUNCHER /usr/bin/env
        "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
        "${QUERN_CCACHE}")
    set(CMAKE_C_COMPILER_LAUNCHER ${QUERN_CCACHE_LAUNCHER})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${QUERN_CCACHE_LAUNCHER})
  endif()
endif()
