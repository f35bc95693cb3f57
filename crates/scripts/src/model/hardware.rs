use super::credits::Rate;

const MEBIBYTE: u64 = 1024 * 1024;

/// What a replica may use. The label says more than that: the profiles are virtualized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// 1 vCPU with 2GB memory.
    Cpu1Memory2,
    /// 2 vCPUs with 4GB memory.
    Cpu2Memory4,
    /// 2 vCPUs with 8GB memory.
    Cpu2Memory8,
    /// 4 vCPUs with 8GB memory.
    Cpu4Memory8,
    /// 4 vCPUs with 16GB memory.
    Cpu4Memory16,
}

/// The facts of a profile.
struct Facts {
    id: &'static str,
    label: &'static str,
    actual: &'static str,
    cpu_millis: u32,
    memory_mebibytes: u64,
    micros_an_hour: u32,
}

impl Profile {
    /// All of them, in the order of the wizard.
    pub const ALL: [Self; 5] =
        [Self::Cpu1Memory2, Self::Cpu2Memory4, Self::Cpu2Memory8, Self::Cpu4Memory8, Self::Cpu4Memory16];

    const fn facts(self) -> Facts {
        match self {
            Self::Cpu1Memory2 => Facts {
                id: "1vcpu-2gb",
                label: "1 vCPU with 2GB memory",
                actual: "0.7 vCPUs with 1.1GB memory",
                cpu_millis: 700,
                // 1.1 GB are 1126.4 of them.
                memory_mebibytes: 1_126,
                micros_an_hour: 76_980,
            },
            Self::Cpu2Memory4 => Facts {
                id: "2vcpu-4gb",
                label: "2 vCPUs with 4GB memory",
                actual: "1.5 vCPUs with 2.5GB memory",
                cpu_millis: 1_500,
                memory_mebibytes: 2_560,
                micros_an_hour: 153_960,
            },
            Self::Cpu2Memory8 => Facts {
                id: "2vcpu-8gb",
                label: "2 vCPUs with 8GB memory",
                actual: "1.5 vCPUs with 6.5GB memory",
                cpu_millis: 1_500,
                memory_mebibytes: 6_656,
                micros_an_hour: 144_000,
            },
            Self::Cpu4Memory8 => Facts {
                id: "4vcpu-8gb",
                label: "4 vCPUs with 8GB memory",
                actual: "3.5 vCPUs with 6GB memory",
                cpu_millis: 3_500,
                memory_mebibytes: 6_144,
                micros_an_hour: 307_920,
            },
            Self::Cpu4Memory16 => Facts {
                id: "4vcpu-16gb",
                label: "4 vCPUs with 16GB memory",
                actual: "3.5 vCPUs with 13.5GB memory",
                cpu_millis: 3_500,
                memory_mebibytes: 13_824,
                micros_an_hour: 288_000,
            },
        }
    }

    /// The word of the API and of the database.
    pub const fn id(self) -> &'static str {
        self.facts().id
    }

    /// The profile of a word of the API.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.id() == id)
    }

    /// As the wizard offers it.
    pub const fn label(self) -> &'static str {
        self.facts().label
    }

    /// What that is in truth, for people.
    pub const fn actual(self) -> &'static str {
        self.facts().actual
    }

    /// The processor time a replica may use, in thousandths of a processor.
    pub const fn cpu_millis(self) -> u32 {
        self.facts().cpu_millis
    }

    /// The memory a replica may use, in bytes: whole mebibytes, a GB of the label being 1024 of them.
    pub const fn memory_bytes(self) -> u64 {
        self.facts().memory_mebibytes * MEBIBYTE
    }

    /// What an hour of a replica costs.
    pub const fn rate(self) -> Rate {
        Rate::from_micros(self.facts().micros_an_hour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_are_those_of_the_price_list() {
        let told = Profile::ALL.map(|p| {
            format!(
                "{}: {} | {} | {} | {} m | {} MiB",
                p.id(),
                p.label(),
                p.actual(),
                p.rate().per_hour(),
                p.cpu_millis(),
                p.memory_bytes() / MEBIBYTE
            )
        });
        assert_eq!(
            told,
            [
                "1vcpu-2gb: 1 vCPU with 2GB memory | 0.7 vCPUs with 1.1GB memory | 0.07698 | 700 m | 1126 MiB",
                "2vcpu-4gb: 2 vCPUs with 4GB memory | 1.5 vCPUs with 2.5GB memory | 0.15396 | 1500 m | 2560 MiB",
                "2vcpu-8gb: 2 vCPUs with 8GB memory | 1.5 vCPUs with 6.5GB memory | 0.144 | 1500 m | 6656 MiB",
                "4vcpu-8gb: 4 vCPUs with 8GB memory | 3.5 vCPUs with 6GB memory | 0.30792 | 3500 m | 6144 MiB",
                "4vcpu-16gb: 4 vCPUs with 16GB memory | 3.5 vCPUs with 13.5GB memory | 0.288 | 3500 m | 13824 MiB",
            ]
        );
    }

    #[test]
    fn a_profile_is_found_by_its_id() {
        for profile in Profile::ALL {
            assert_eq!(Profile::parse(profile.id()), Some(profile));
        }
        assert_eq!(Profile::parse("8vcpu-32gb"), None);
    }
}
