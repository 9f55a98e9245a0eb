// The functions of zlib that are used here. Node hands on its own zlib to addons, so nothing is linked or shipped.
#pragma once

extern "C" {

/// 0 = done. `size` is the room on entry, what was written on return.
int compress2(unsigned char* target, unsigned long* size, const unsigned char* source, unsigned long source_size,
              int level);
int uncompress(unsigned char* target, unsigned long* size, const unsigned char* source, unsigned long source_size);
unsigned long compressBound(unsigned long source_size);  // NOLINT(readability-identifier-naming)
unsigned long crc32(unsigned long crc, const unsigned char* bytes, unsigned int size);

}  // extern "C"
