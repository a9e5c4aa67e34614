# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#   quern_add_unittest(<name> SRCS ... [LINK ...] [DEPENDS ...] [EXCEPTIONS] [NO_PCH])
#
# A GoogleTest program. Its name ends in Tests (so lit finds it); the `check-quern` target builds
# and runs it with everything else.

add_custom_target(quern_unit_tests)

function(quern_add_unittest name)
  if(NOT name MATCHES "Tests$")
    message(FATAL_ERROR "${name}: the name of a unit test program ends in Tests")
  endif()
  quern_add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE GTest::gtest_main GTest::gmock)
  set_target_properties(${name} PROPERTIES
                        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/test/unit/bin")
  target_compile_definitions(${name} PRIVATE QUERN_SHARED_DATA="${QUERN_SHARED_DATA}"
                             QUERN_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_dependencies(quern_unit_tests ${name})
  add_test(NAME unit.${name} COMMAND ${name})
endfunction()
