# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# QUERN_SHARED_DATA: a folder of models/ and data/ too large for the repository. Tests that need
# it are skipped where there is none; test/run.sh and .ci/run fail when it is there and one was
# skipped all the same.

set(quern_shared_default "")
if(DEFINED ENV{QUERN_SHARED_DATA})
  set(quern_shared_default "$ENV{QUERN_SHARED_DATA}")
elseif(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/../shared/models")
  get_filename_component(quern_shared_default "${PROJECT_SOURCE_DIR}/../shared" ABSOLUTE)
endif()
set(QUERN_SHARED_DATA "${quern_shared_default}" CACHE PATH "Folder of models/ and data/ for tests")
if(QUERN_SHARED_DATA AND NOT IS_DIRECTORY "${QUERN_SHARED_DATA}")
  message(FATAL_ERROR "QUERN_SHARED_DATA is not a folder: ${QUERN_SHARED_DATA}")
endif()
