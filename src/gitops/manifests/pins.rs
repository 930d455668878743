//! Digests of the base files of the releases that are known, made by `tests/testbed/flux/bundle.sh`.
//!
//! They are those of the released files: what is rendered from them has the digest of what the released Flux CLI commits. A release is
//! added here by running the script for it. The file of source-watcher has no digest, because its module cannot be had; a release's
//! archive whose own digest is known brings it.

/// Each known release with name and sha256 of its files.
const PINS: &[(&str, &[(&str, &str)])] = &[(
    "v2.9.4",
    &[
        ("helm-controller.yaml", "24a16e85d6aa0ac63dbbc760d6a4687335adb745f739cabf59201ef6de37d783"),
        ("image-automation-controller.yaml", "55238ef83e3f08f5d9dc22de3e328d162b818cb8a177055de622e89419062253"),
        ("image-reflector-controller.yaml", "70abc9bea28d407bf233b560a99411ef60c1606ee0802299f0ac079fa74846f0"),
        ("kustomize-controller.yaml", "95923c60de8effd39b3ba72de77feedd013194b058bfbf88faf129868746bc90"),
        ("notification-controller.yaml", "da0cb6ae90fc528b51499e3a73889fe770731409cf1dc73f6420479dc235b4f0"),
        ("policies.yaml", "39dd6af15834ace43252896a32a5af068ee6639babe2832ce8833acadae3d223"),
        ("rbac.yaml", "55f5db7632dd9458884efcf127da57f863fc7897cfd413eb42cfb7a7172a1c51"),
        ("source-controller.yaml", "945a3454f79dd33c069c6dc4f99ab2872fe6b1c66dfeb1aed672141213da321d"),
    ],
)];

/// The sha256 of a file of a release: none if the release is not known; none inside if the file is not.
pub(super) fn pinned(version: &str, file: &str) -> Option<Option<&'static str>> {
    let (_, files) = PINS.iter().find(|(known, _)| *known == version)?;
    Some(files.iter().find(|(name, _)| *name == file).map(|(_, digest)| *digest))
}

/// The releases that are known.
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    PINS.iter().map(|(version, _)| *version)
}
