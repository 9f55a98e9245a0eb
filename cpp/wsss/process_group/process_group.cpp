#include "wsss/process_group/process_group.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>

#include "wsss/core/error_sentence.h"
#include "wsss/core/libtorch.h"
#include "wsss/process_group/gloo.h"
#include "wsss/process_group/roll_call.h"
#include "wsss/process_group/store_answer.h"

namespace wsss {

namespace {

using Clock = std::chrono::steady_clock;

/// How long the one that keeps the store waits beyond a roll call: others may have noticed later.
constexpr std::chrono::milliseconds kGrace{1000};

/// Where a process whose rank is taken says so.
constexpr const char* kTwice = "twice";

c10::intrusive_ptr<c10d::TCPStore> open_store(const ProcessGroupOptions& options) {
  c10d::TCPStoreOptions store;
  store.port = static_cast<std::uint16_t>(options.port);
  store.isServer = options.keeps_store;
  store.waitWorkers = false;
  store.timeout = options.timeout;
  const std::string where = options.address + ":" + std::to_string(options.port);
  try {
    return c10::make_intrusive<c10d::TCPStore>(options.address, store);
  } catch (const std::exception& error) {
    const std::string why = sentence_of(error);
    if (options.keeps_store) {
      throw group_error("process 0 can't listen on port " + std::to_string(options.port) +
                            ": free it, or choose another one (MASTER_PORT) for all processes (" + why + ")",
                        {{"port", static_cast<double>(options.port)}});
    }
    throw group_error("the store of the process group at " + where + " can't be reached within " +
                          seconds(options.timeout) + ": check MASTER_ADDR and MASTER_PORT, and that process 0 runs (" +
                          why + ")",
                      {{"address", options.address}, {"port", static_cast<double>(options.port)}});
  }
}

}  // namespace

/// The store and the connections of a group.
class ProcessGroup::Members {
 public:
  Members(const ProcessGroupOptions& options, const std::function<void(int)>& on_listening, const CancelToken& cancel)
      : options_(options), tcp_store_(open_store(options)) {
    store_ = c10::make_intrusive<c10d::PrefixStore>(options.prefix, tcp_store_);
    if (options_.keeps_store && on_listening) on_listening(tcp_store_->getPort());
    options_.port = tcp_store_->getPort();
    try {
      asking_store([&] { await_members(cancel); });
    } catch (const Error& error) {
      say_goodbye(error.what());
      throw;
    }
    try {
      small_ = connect("small");
      large_ = connect("large");
      has_left_ = false;
      start_beating();
    } catch (const std::exception& error) {
      throw lost(error);
    }
  }

  const ProcessGroupOptions& options() const { return options_; }

  /// Starts something on one of the two sets of connections: large sums do not hold up small ones.
  c10::intrusive_ptr<c10d::Work> start(bool is_large,
                                       const std::function<c10::intrusive_ptr<c10d::Work>(c10d::Backend&)>& begin) {
    c10::intrusive_ptr<c10d::Backend> backend;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      backend = (is_large ? large_ : small_).backend;
    }
    if (!backend) throw group_error("this process has left its process group: join a new one");
    try {
      return begin(*backend);
    } catch (const std::exception& error) {
      throw lost(error);
    }
  }

  void wait(const c10::intrusive_ptr<c10d::Work>& work) {
    try {
      work->wait();
    } catch (const std::exception& error) {
      throw lost(error);
    }
  }

  void announce(const std::string& name, const std::string& text) {
    ask_in_time(store_, options_, [text, key = "said/" + name](c10d::Store& store) -> std::int64_t {
      store.set(key, text);
      return 0;
    });
  }

  std::int64_t claim(const std::string& name) {
    const auto count_up = [key = "claimed/" + name](c10d::Store& store) { return store.add(key, 1); };
    return ask_in_time(store_, options_, count_up) - 1;
  }

  /// The store is asked on a thread of its own: one that hangs answers nothing.
  std::string await_announcement(const std::string& name, const CancelToken& cancel) {
    const auto answer = std::make_shared<StoreAnswer>();
    std::thread([answer, store = store_, options = options_, key = "said/" + name] {
      answer->ask(*store, options, key);
    }).detach();
    try {
      return answer->await(options_, cancel);
    } catch (const Error& error) {
      answer->stop();
      if (error.code() == ErrorCode::kProcessGroup) leave(kLost);
      throw;
    }
  }

  void await_all(const CancelToken& cancel) {
    const std::string name = "all/" + std::to_string(meetings_++) + "/";
    announce(name + std::to_string(options_.rank), "");
    for (int rank = 0; rank < options_.size; ++rank) await_announcement(name + std::to_string(rank), cancel);
  }

  void leave(const std::string& why) {
    GlooConnections small, large;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (std::exchange(has_left_, true)) return;
      *beating_ = false;
      std::swap(small, small_);
      std::swap(large, large_);
    }
    tell(why);
    // What this process has sent last may be on its way.
    if (why == kDone) await_others();
    small.close();
    large.close();
    small = large = {};
    if (options_.keeps_store && why != kLost) await_others();
  }

 private:
  GlooConnections connect(const std::string& name) {
    return connect_gloo(c10::make_intrusive<c10d::PrefixStore>(name, store_), options_);
  }

  /// Shows the others, who may wait long for this process, that it lives.
  void start_beating() {
    std::thread([store = store_, key = beat_key(options_.rank), beating = beating_, pause = options_.timeout / 8] {
      auto next = Clock::now();
      try {
        while (*beating) {
          if (Clock::now() >= next) {
            store->add(key, 1);
            next = Clock::now() + pause;
          }
          std::this_thread::sleep_for(kPause);
        }
      } catch (const std::exception&) {
        // The store is gone: the others look at nothing any more.
      }
    }).detach();
  }

  /// Of a process that never joined.
  void say_goodbye(const std::string& why) {
    tell(why);
    if (!options_.keeps_store) return;
    await_others();
    std::this_thread::sleep_for(kGrace);
  }

  /// Why this process leaves.
  void tell(const std::string& why) {
    within(kGrace, [store = store_, key = left_key(options_.rank), why] { store->set(key, why); });
  }

  /// With this process its store ends, in which the others look for the reason: it waits a little for them.
  void await_others() {
    within(2 * kRollCall, [store = store_, size = options_.size] { await_goodbyes(*store, size); });
  }

  /// Runs something that asks the store; without it there is no group.
  void asking_store(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw store_lost(options_, sentence_of(error));
    }
  }

  void await_members(const CancelToken& cancel) {
    if (store_->add(member_key(options_.rank), 1) > 1) store_->set(kTwice, std::to_string(options_.rank));
    const auto deadline = Clock::now() + options_.timeout;
    for (;;) {
      cancel.check();
      if (store_->check({kTwice})) {
        const std::string rank = store_->get_to_str(kTwice);
        throw group_error("rank " + rank + " of the process group is taken twice: RANK must differ in each process",
                          {{"rank", rank}});
      }
      const std::vector<int> missing = without_key(*store_, options_.size, member_key);
      if (missing.empty()) return;
      if (Clock::now() >= deadline) {
        throw group_error(of_ranks(missing) + " of " + std::to_string(options_.size) + " did not join within " +
                              seconds(options_.timeout) +
                              ": start as many processes as WORLD_SIZE says, or allow more time (timeoutMs)",
                          {{"missing", names_of(missing)}});
      }
      std::this_thread::sleep_for(kPause);
    }
  }

  /// Leaves, and finds out which process it was that was lost.
  Error lost(const std::exception& cause) {
    const std::string why = sentence_of(cause);
    leave(kLost);
    tell(kLost);  // Where the connections were never made.
    const auto found = std::make_shared<std::optional<Error>>();
    const bool has_answered = within(2 * kRollCall, [found, store = store_, options = options_, why] {
      found->emplace(roll_call(*store, options, why));
    });
    if (!has_answered || !*found) return store_lost(options_, why);
    if (options_.keeps_store) std::this_thread::sleep_for(kGrace);
    return **found;
  }

  ProcessGroupOptions options_;
  c10::intrusive_ptr<c10d::TCPStore> tcp_store_;
  c10::intrusive_ptr<c10d::Store> store_;
  std::mutex mutex_;
  GlooConnections small_, large_;  // Under the mutex, as the next.
  bool has_left_ = true;           ///< Until all are there.
  std::shared_ptr<std::atomic<bool>> beating_ = std::make_shared<std::atomic<bool>>(true);
  std::int64_t meetings_ = 0;
};

ProcessGroup::ProcessGroup(std::unique_ptr<Members> members) : members_(std::move(members)) {}

ProcessGroup::~ProcessGroup() { leave(kDone); }

std::shared_ptr<ProcessGroup> ProcessGroup::join(const ProcessGroupOptions& options,
                                                 const std::function<void(int)>& on_listening,
                                                 const CancelToken& cancel) {
  if (options.size < 1 || options.rank < 0 || options.rank >= options.size) {
    throw Error(ErrorCode::kOption, "rank must be in 0.." + std::to_string(options.size - 1) + ", received " +
                                        std::to_string(options.rank));
  }
  return std::shared_ptr<ProcessGroup>(new ProcessGroup(std::make_unique<Members>(options, on_listening, cancel)));
}

int ProcessGroup::rank() const { return members_->options().rank; }
int ProcessGroup::size() const { return members_->options().size; }

Share ProcessGroup::share(std::int64_t count, int rank) const {
  return {count * rank / size(), count * (rank + 1) / size()};
}

Share ProcessGroup::next_share(std::int64_t count) { return share(count, (rank() + turns_++) % size()); }

void ProcessGroup::Pending::wait() const {
  if (wait_) wait_();
}

void ProcessGroup::sum(at::Tensor& values) const {
  std::vector<at::Tensor> tensors{values};
  members_->wait(
      members_->start(/*is_large=*/false, [&](c10d::Backend& backend) { return backend.allreduce(tensors); }));
}

ProcessGroup::Pending ProcessGroup::start_sum(at::Tensor& values) const {
  std::vector<at::Tensor> tensors{values};
  const auto work =
      members_->start(/*is_large=*/true, [&](c10d::Backend& backend) { return backend.allreduce(tensors); });
  Pending pending;
  pending.wait_ = [members = members_.get(), work] { members->wait(work); };
  return pending;
}

double ProcessGroup::sum(double value) const {
  at::Tensor values = at::full({1}, value, at::kDouble);
  sum(values);
  return values.item<double>();
}

double ProcessGroup::least(double value) const {
  at::Tensor all = at::zeros({size()}, at::kDouble);
  all.data_ptr<double>()[rank()] = value;
  sum(all);
  return all.min().item<double>();
}

void ProcessGroup::broadcast(at::Tensor& values) const {
  at::Tensor copy = values.detach().to(at::kCPU).contiguous();
  std::vector<at::Tensor> tensors{copy};
  members_->wait(
      members_->start(/*is_large=*/false, [&](c10d::Backend& backend) { return backend.broadcast(tensors); }));
  const torch::NoGradGuard no_grad;
  values.copy_(copy);
}

std::vector<std::string> ProcessGroup::gather(const std::string& own) const {
  at::Tensor lengths = at::zeros({size()}, at::kLong);
  lengths.data_ptr<std::int64_t>()[rank()] = static_cast<std::int64_t>(own.size());
  sum(lengths);
  const auto* length = lengths.const_data_ptr<std::int64_t>();
  std::int64_t whole = 0, before = 0;
  for (int r = 0; r < size(); ++r) {
    if (r == rank()) before = whole;
    whole += length[r];
  }
  at::Tensor bytes = at::zeros({std::max<std::int64_t>(1, whole)}, at::kByte);
  std::copy(own.begin(), own.end(), bytes.data_ptr<std::uint8_t>() + before);
  sum(bytes);
  std::vector<std::string> texts;
  const auto* next = bytes.const_data_ptr<std::uint8_t>();
  for (int r = 0; r < size(); ++r) {
    texts.emplace_back(next, next + length[r]);
    next += length[r];
  }
  return texts;
}

void ProcessGroup::announce(const std::string& name, const std::string& text) { members_->announce(name, text); }

std::int64_t ProcessGroup::claim(const std::string& name) { return members_->claim(name); }

void ProcessGroup::await_all(const CancelToken& cancel) { members_->await_all(cancel); }

std::string ProcessGroup::await_announcement(const std::string& name, const CancelToken& cancel) {
  return members_->await_announcement(name, cancel);
}

void ProcessGroup::leave(const std::string& why) { members_->leave(why); }

}  // namespace wsss
