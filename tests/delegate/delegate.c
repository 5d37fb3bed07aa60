/* A stand-in for libedgetpu.so.1: the two functions that TensorFlow Lite asks of a delegate's
 * library, and a delegate that leaves every operation to the CPU. What it does is said by the
 * environment variable TEST_DELEGATE:
 *
 *   (unset)      works
 *   absent       no device: the delegate can't be made
 *   refuse       the delegate refuses every model
 *   abort        ends the process while a model is prepared, as libedgetpu's LOG(FATAL) does
 *   abort_later  does so half a second after it was made, in a thread of its own, as a failed
 *                USB transfer does
 *
 * Where TEST_DELEGATE_LOG names a file, what happens is written there, a word a line.
 *
 * The layout is that of TfLiteDelegate in tensorflow/lite/core/c/common.h (the same since 2.4 but
 * for the last member, which came with 2.10) and of external_delegate_interface.h.
 */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Delegate {
  void *data;
  int (*prepare)(void *context, struct Delegate *delegate);
  int (*copy_from_buffer_handle)(void *, struct Delegate *, int, void *);
  int (*copy_to_buffer_handle)(void *, struct Delegate *, int, void *);
  void (*free_buffer_handle)(void *, struct Delegate *, int *);
  int64_t flags;
  void *opaque_builder;
} Delegate;

static int told(const char *what) {
  const char *wish = getenv("TEST_DELEGATE");
  return wish != NULL && strcmp(wish, what) == 0;
}

static void note(const char *word) {
  const char *path = getenv("TEST_DELEGATE_LOG");
  FILE *file = path == NULL ? NULL : fopen(path, "a");
  if (file != NULL) {
    fprintf(file, "%s\n", word);
    fclose(file);
  }
}

static int prepare(void *context, Delegate *delegate) {
  (void)context;
  (void)delegate;
  note("prepare");
  if (told("abort")) abort();
  return told("refuse") ? 1 : 0; /* kTfLiteError, kTfLiteOk */
}

static void *fail_later(void *unused) {
  (void)unused;
  usleep(500000);
  abort();
}

__attribute__((visibility("default"))) Delegate *tflite_plugin_create_delegate(
    const char *const *keys, const char *const *values, size_t count,
    void (*report_error)(const char *)) {
  (void)keys;
  (void)values;
  (void)count;
  note("create");
  if (told("absent")) {
    report_error("no device was found");
    return NULL;
  }
  if (told("abort_later")) {
    pthread_t thread;
    pthread_create(&thread, NULL, fail_later, NULL);
  }
  Delegate *delegate = calloc(1, sizeof *delegate);
  delegate->prepare = prepare;
  return delegate;
}

__attribute__((visibility("default"))) void tflite_plugin_destroy_delegate(Delegate *delegate) {
  note("destroy");
  free(delegate);
}
