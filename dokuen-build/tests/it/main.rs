//! Whole builds: real git, real `/bin/sh` buildpacks, real files in a temp dir whose path holds a blank.

#![expect(clippy::disallowed_methods, reason = "a test plants files and runs programs as a stranger would")]

#[cfg(test)]
mod bad_inputs;
#[cfg(test)]
mod builds;
#[cfg(test)]
mod children;
#[cfg(test)]
mod fetching;
#[cfg(test)]
mod host;
#[cfg(test)]
mod packing;
#[cfg(test)]
mod packing_properties;
#[cfg(test)]
mod spare;
#[cfg(test)]
mod store;
#[cfg(test)]
mod third_party;
#[cfg(test)]
mod tidy;
