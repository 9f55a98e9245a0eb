#include "wsss/dataset/mosaic.h"

#include <algorithm>
#include <map>
#include <string>

#include "wsss/core/error.h"
#include "wsss/core/random.h"

namespace wsss {

namespace {

constexpr std::int64_t kFewestPieces = 2;
constexpr std::int64_t kMostPieces = 6;
/// Weights of sites, in per cent: where they differ, borders between pieces are arcs.
constexpr std::int64_t kLightest = 60;
constexpr std::int64_t kHeaviest = 140;

/// What is drawn of a mosaic; those of piece k lie k times kOfPiece further on.
enum Lane : std::uint64_t { kShown, kPieces, kClass, kSource, kRow, kColumn, kWeight, kMirrored, kFlipped, kTurns };
constexpr std::uint64_t kOfPiece = kTurns + 1;

/// The only class of a patch, or -1.
std::int64_t single_class(const PatchStore& patches, std::int64_t index) {
  const std::uint8_t* labels = patches.labels(index);
  const std::uint8_t* end = labels + patches.class_count();
  if (std::count(labels, end, 1) != 1) return -1;
  return std::find(labels, end, 1) - labels;
}

bool has_two_classes(const std::vector<std::vector<std::int64_t>>& patient) {
  return std::count_if(patient.begin(), patient.end(), [](const auto& of_class) { return !of_class.empty(); }) >= 2;
}

}  // namespace

Mosaics::Mosaics(double share, const PatchStore& patches, const std::vector<std::int64_t>& patients)
    : share_(share), height_(patches.height()), width_(patches.width()) {
  const auto classes = static_cast<std::size_t>(patches.class_count());
  Patient all(classes);
  std::map<std::int64_t, Patient> known;
  for (std::int64_t i = 0; i < patches.count(); ++i) {
    const std::int64_t of = single_class(patches, i);
    if (of < 0) continue;
    all[static_cast<std::size_t>(of)].push_back(i);
    if (patients.empty()) continue;
    Patient& own = known.try_emplace(patients.at(static_cast<std::size_t>(i)), classes).first->second;
    own[static_cast<std::size_t>(of)].push_back(i);
  }
  if (!has_two_classes(all)) {
    throw Error(ErrorCode::kDataset,
                "mosaics are made of patches that hold one class alone, and fewer than two classes have such patches",
                {{"option", "mosaic"}});
  }
  std::vector<Patient> usable;
  for (auto& [patient, own] : known) {
    if (has_two_classes(own)) usable.push_back(std::move(own));
  }
  if (usable.empty()) usable.push_back(std::move(all));
  take(usable);
}

void Mosaics::take(const std::vector<Patient>& patients) {
  patients_ = patients;
  for (std::size_t k = 0; k < patients.front().size(); ++k) {
    std::vector<Source> sources;
    for (std::size_t p = 0; p < patients.size(); ++p) {
      for (const auto patch : patients[p][k]) sources.push_back({p, patch});
    }
    if (sources.empty()) continue;
    of_class_.push_back(std::move(sources));
    class_of_.push_back(k);
  }
}

std::vector<MosaicPiece> Mosaics::draw(std::uint64_t seed, std::int64_t epoch, std::int64_t patch) const {
  const auto unit = [&](std::uint64_t lane) {
    const auto position = (static_cast<std::uint64_t>(epoch) << 40) + static_cast<std::uint64_t>(patch);
    return random_unit(seed, RandomPurpose::kMosaic, position, lane);
  };
  if (!(unit(kShown) < share_)) return {};
  std::uint64_t first_lane = 0;
  /// 0 to `count` - 1, each as probable.
  const auto one_of = [&](Lane lane, std::int64_t count) {
    return static_cast<std::int64_t>(unit(first_lane + lane) * static_cast<double>(count));
  };
  const auto pick = [&](Lane lane, const auto& some) -> const auto& {
    return some[static_cast<std::size_t>(one_of(lane, static_cast<std::int64_t>(some.size())))];
  };

  const std::int64_t count = kFewestPieces + one_of(kPieces, kMostPieces - kFewestPieces + 1);
  const std::int64_t first = one_of(kClass, static_cast<std::int64_t>(of_class_.size()));
  const std::size_t first_class = class_of_[static_cast<std::size_t>(first)];
  const Source& source = pick(kSource, of_class_[static_cast<std::size_t>(first)]);
  const Patient& patient = patients_[source.patient];
  std::vector<std::size_t> own, others;
  for (std::size_t k = 0; k < patient.size(); ++k) {
    if (patient[k].empty()) continue;
    own.push_back(k);
    if (k != first_class) others.push_back(k);
  }

  std::vector<MosaicPiece> pieces;
  for (std::int64_t i = 0; i < count; ++i) {
    first_lane = static_cast<std::uint64_t>(i) * kOfPiece;
    MosaicPiece piece;
    // The second is of another class than the first, so that no mosaic is of one alone.
    piece.patch = i == 0 ? source.patch : pick(kSource, patient[pick(kClass, i == 1 ? others : own)]);
    piece.site.row = one_of(kRow, height_);
    piece.site.column = one_of(kColumn, width_);
    piece.site.weight = kLightest + one_of(kWeight, kHeaviest - kLightest + 1);
    piece.flip_horizontally = one_of(kMirrored, 2) == 1;
    piece.flip_vertically = one_of(kFlipped, 2) == 1;
    piece.quarter_turns = one_of(kTurns, 4);
    pieces.push_back(piece);
  }
  return pieces;
}

}  // namespace wsss
