/// What a build of the original says of its commit; this one says nothing.
#[derive(Default)]
pub struct VersionInfo {
    pub major: u8,
    pub minor: u8,
    pub patch: u16,
    pub host_compiler: Option<String>,
    pub commit_hash: Option<String>,
    pub commit_date: Option<String>,
    pub version_tag: Option<String>,
}

#[macro_export]
macro_rules! get_version_info {
    () => {
        $crate::version::VersionInfo::default()
    };
}

#[macro_export]
macro_rules! setup_version_info {
    () => {};
}
