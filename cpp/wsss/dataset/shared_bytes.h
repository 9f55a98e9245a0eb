// Memory that several processes of one machine map.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace wsss {

/// Bytes that other processes of the same user on this machine can map too. No file system holds them, so that nothing
/// is left of them when the last process that maps them ends, however it ends.
class SharedBytes {
 public:
  /// Zeros that the operating system hands out untouched.
  ///
  /// @return null where the system gives no such memory.
  static std::shared_ptr<SharedBytes> create(std::size_t size);

  /// The bytes that another process, or this one, has created and still keeps.
  ///
  /// @param address  as address() says there.
  /// @throws Error kIo with the detail "gone" if they are not kept any more; kIo without it if the system does not let
  ///         this process see them, or the address is none; kOutOfMemory if they can't be mapped.
  static std::shared_ptr<SharedBytes> attach(const std::string& address, std::size_t size);

  SharedBytes(const SharedBytes&) = delete;
  SharedBytes& operator=(const SharedBytes&) = delete;
  ~SharedBytes();

  std::uint8_t* data() { return data_; }
  /// Where attach() finds them; empty for those that were attached.
  const std::string& address() const { return address_; }

 private:
  SharedBytes(int file, std::uint8_t* data, std::size_t mapped) : file_(file), data_(data), mapped_(mapped) {}

  static std::shared_ptr<SharedBytes> mapped(int file, std::size_t size);

  int file_;  // Kept open for those who attach; -1 in these.
  std::uint8_t* data_;
  std::size_t mapped_;
  std::string address_;
};

}  // namespace wsss
