/*
 * Preloaded into a program, this makes writes below the folder $SLOW_DISK_FOLDER slow. The file $SLOW_DISK_FILE has the
 * pause in milliseconds and is read for each write. A write writes half of its data, pauses, and lets the caller write the
 * rest. A sync pauses first. Nothing else changes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static int is_slow(int descriptor) {
  const char* folder = getenv("SLOW_DISK_FOLDER");
  char link[64];
  char path[PATH_MAX];
  if (folder == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, sizeof path);
  const size_t prefix = strlen(folder);
  return length > (ssize_t)prefix && strncmp(path, folder, prefix) == 0 && path[prefix] == '/';
}

/* 0: the disk is as fast as ever. */
static long pause_ms(void) {
  long ms = 0;
  FILE* file = fopen(getenv("SLOW_DISK_FILE"), "re");
  if (file == NULL) return 0;
  if (fscanf(file, "%ld", &ms) != 1) ms = 0;
  fclose(file);
  return ms;
}

static void wait_ms(long ms) {
  struct timespec left = {ms / 1000, (ms % 1000) * 1000000L};
  while (nanosleep(&left, &left) != 0) {
  }
}

ssize_t write(int descriptor, const void* data, size_t bytes) {
  static ssize_t (*real)(int, const void*, size_t);
  if (real == NULL) real = (ssize_t(*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  if (bytes < 4096 || !is_slow(descriptor)) return real(descriptor, data, bytes);
  const long ms = pause_ms();
  if (ms <= 0) return real(descriptor, data, bytes);
  const ssize_t written = real(descriptor, data, bytes / 2);
  wait_ms(ms);
  return written;
}

static int synced(const char* name, int descriptor) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  if (is_slow(descriptor)) wait_ms(pause_ms());
  return real(descriptor);
}

int fdatasync(int descriptor) { return synced("fdatasync", descriptor); }

int fsync(int descriptor) { return synced("fsync", descriptor); }
