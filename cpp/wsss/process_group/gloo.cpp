#include "wsss/process_group/gloo.h"

#define USE_C10D_GLOO
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "wsss/process_group/process_group.h"

namespace wsss {

namespace {

/// This machine's address on the way to another one; empty if there is no way. Nothing is sent.
std::string own_address_towards(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return "";
  std::string address;
  for (const addrinfo* one = found; one != nullptr && address.empty(); one = one->ai_next) {
    const int socket_number = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
    if (socket_number < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    std::array<char, NI_MAXHOST> name{};
    if (connect(socket_number, one->ai_addr, one->ai_addrlen) == 0 &&
        getsockname(socket_number, reinterpret_cast<sockaddr*>(&own), &length) == 0 &&
        getnameinfo(reinterpret_cast<const sockaddr*>(&own), length, name.data(), name.size(), nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      address = name.data();
    }
    close(socket_number);
  }
  freeaddrinfo(found);
  return address;
}

std::shared_ptr<gloo::transport::Device> device_for(const ProcessGroupOptions& options) {
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
  if (interface != nullptr && *interface != '\0') return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  const std::string address = own_address_towards(options.address, options.port);
  return address.empty() ? c10d::ProcessGroupGloo::createDefaultDevice()
                         : c10d::ProcessGroupGloo::createDeviceForHostname(address);
}

class ClosableGloo : public c10d::ProcessGroupGloo {
 public:
  using ProcessGroupGloo::ProcessGroupGloo;
  void close() {
    for (const auto& context : contexts_) context->closeConnections();
  }
};

}  // namespace

GlooConnections connect_gloo(const c10::intrusive_ptr<c10d::Store>& store, const ProcessGroupOptions& options) {
  auto gloo = c10d::ProcessGroupGloo::Options::create(options.timeout);
  gloo->devices.push_back(device_for(options));
  const auto backend = c10::make_intrusive<ClosableGloo>(store, options.rank, options.size, gloo);
  return {backend, [backend] { backend->close(); }};
}

}  // namespace wsss
