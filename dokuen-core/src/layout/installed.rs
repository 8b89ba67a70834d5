//! What `setup` installs of Dokuen itself: programs, hooks, units, pages.

use std::path::PathBuf;

use super::Host;

impl Host {
    /// Commands with this host's conf baked in.
    pub fn bin_dir(&self) -> PathBuf {
        self.dir().join("bin")
    }

    /// The command itself.
    pub fn program(&self) -> PathBuf {
        self.bin_dir().join("dokuen")
    }

    /// The wrapper's program.
    pub fn wrapper(&self) -> PathBuf {
        self.bin_dir().join("dokuen-wrapper")
    }

    /// The program that speaks with certificate authorities.
    pub fn acme_program(&self) -> PathBuf {
        self.bin_dir().join("dokuen-acme")
    }

    /// What a repository's hook leads to.
    pub fn deploy_program(&self) -> PathBuf {
        self.bin_dir().join("dokuen-deploy")
    }

    /// What sshd runs for a key.
    pub fn shell_program(&self) -> PathBuf {
        self.bin_dir().join("dokuen-shell")
    }

    /// Hooks that every push over ssh runs, whatever stands in its repository.
    pub fn hooks_dir(&self) -> PathBuf {
        self.bin_dir().join("hooks")
    }

    /// Man pages, and what shells read to complete commands.
    pub fn share_dir(&self) -> PathBuf {
        self.dir().join("share")
    }

    /// Boot units: systemd's and launchd's.
    pub fn boot_dir(&self) -> PathBuf {
        self.dir().join("boot")
    }

    /// The boot unit where the account's own systemd looks for it.
    pub fn user_unit(&self) -> PathBuf {
        self.conf.app_user_home.join(".config/systemd/user/dokuen.service")
    }
}
