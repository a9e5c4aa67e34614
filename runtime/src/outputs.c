// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Outputs become DIR/NAME.npy. All are written under temporary names first and then renamed, so
// that a file under its own name is always whole.

#include "src/npy.h"
#include "src/session.h"
#include "src/sys.h"

enum { NAME_BYTES = 224, FILE_BYTES = 256 };

static const quern_tensor *output_of(const quern_session *session, uint32_t index) {
  return &session->program->outputs[session->entry->outputs[index]];
}

// The name in characters that are safe in a file's name, cut to NAME_BYTES.
static size_t safe_name(const char *name, char *safe) {
  size_t length = 0;
  for (; name[length] && length < NAME_BYTES; length++) {
    unsigned char c = (unsigned char)name[length];
    safe[length] = c == '/' || c == ':' || c < 32 || c == 127 ? '_' : (char)c;
  }
  safe[length] = 0;
  return length;
}

static int has_earlier_twin(const quern_session *session, uint32_t index) {
  char own[NAME_BYTES + 1], other[NAME_BYTES + 1];
  safe_name(output_of(session, index)->name, own);
  for (uint32_t i = 0; i < index; i++) {
    safe_name(output_of(session, i)->name, other);
    if (quern_equal(own, other))
      return 1;
  }
  return 0;
}

// NAME.npy, or .NAME.npy.PID while it is written; "_<index>" keeps two names apart that are the
// same once they are safe.
static void file_name(const quern_session *session, uint32_t index, int temporary,
                      quern_text *name) {
  char safe[NAME_BYTES + 1];
  quern_text_init(name, -1);
  if (temporary)
    quern_put(name, ".");
  quern_put_bytes(name, safe, safe_name(output_of(session, index)->name, safe));
  if (has_earlier_twin(session, index)) {
    quern_put(name, "_");
    quern_put_unsigned(name, index);
  }
  quern_put(name, ".npy");
  if (temporary) {
    quern_put(name, ".");
    quern_put_signed(name, quern_process_id());
  }
}

static int fail(quern_session *session, const char *name, int64_t error) {
  quern_put(&session->message, session->args.output_dir);
  if (name) {
    quern_put(&session->message, "/");
    quern_put(&session->message, name);
  }
  quern_put_error(&session->message, error);
  return 0;
}

static int write_output(quern_session *session, int64_t folder, uint32_t index) {
  const quern_tensor *tensor = output_of(session, index);
  char header[QUERN_NPY_MAX_HEADER];
  quern_text name;
  file_name(session, index, 1, &name);
  size_t header_bytes = quern_npy_header(tensor, header);
  if (!header_bytes) {
    quern_put(&session->message, "the type of output ");
    quern_put_quoted(&session->message, tensor->name);
    quern_put(&session->message, " has no form in a .npy file");
    return 0;
  }
  quern_remove_in(folder, name.data); // left by a run that was killed
  int64_t file = quern_create_in(folder, name.data);
  if (file < 0)
    return fail(session, name.data, file);
  int64_t error = quern_write(file, header, header_bytes);
  if (error >= 0)
    error = quern_write(file, session->outputs[index], tensor->bytes);
  int64_t closed = quern_close(file);
  if (error < 0 || closed < 0)
    return fail(session, name.data, error < 0 ? error : closed);
  return 1;
}

static int rename_output(quern_session *session, int64_t folder, uint32_t index) {
  quern_text from, to;
  file_name(session, index, 1, &from);
  file_name(session, index, 0, &to);
  int64_t error = quern_rename_in(folder, from.data, to.data);
  return error < 0 ? fail(session, to.data, error) : 1;
}

static void remove_temporaries(quern_session *session, int64_t folder) {
  for (uint32_t i = 0; i < session->entry->output_count; i++) {
    quern_text name;
    file_name(session, i, 1, &name);
    quern_remove_in(folder, name.data);
  }
}

int quern_write_outputs(quern_session *session) {
  int64_t folder = quern_make_folder(session->args.output_dir);
  if (folder >= 0)
    folder = quern_open_folder(session->args.output_dir);
  if (folder < 0)
    return fail(session, 0, folder);
  const uint32_t count = session->entry->output_count;
  int done = 1;
  for (uint32_t i = 0; done && i < count; i++)
    done = write_output(session, folder, i);
  for (uint32_t i = 0; done && i < count; i++)
    done = rename_output(session, folder, i);
  if (!done)
    remove_temporaries(session, folder);
  quern_close(folder);
  return done;
}
