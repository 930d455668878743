"""disk-images.py DIR: one sparse image for each kind of contents that a disk may have. Run inside the test root, whose tools
make what they can; of what they cannot make, the bytes are written by which libblkid knows it."""
import os, random, struct, subprocess, sys, uuid

MIB = 1 << 20
SIZE = 64 * MIB
to = sys.argv[1]


def tool(*words, text=None, **env):
    subprocess.run(words, check=True, input=text, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **env})


def image(name, writes=(), size=SIZE):
    """Zeros, but for (offset, bytes); a negative offset counts from the end."""
    path = os.path.join(to, name)
    with open(path, "wb") as file:
        file.truncate(size)
        for offset, data in writes:
            file.seek(offset if offset >= 0 else size + offset)
            file.write(data)
    return path


def table(name, script, writes=()):
    path = image(name, writes)
    tool("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", "--wipe=never", "--wipe-partitions=never", path, text=script)
    return path


def at(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def read(path, offset, length):
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(length)


def partition_of(path, make):
    """Fills the partition from 1 MiB to 1 MiB before the end as `make` does a file of that size."""
    part = image("part", size=SIZE - 2 * MIB)
    make(part)
    with open(part, "rb") as file, open(path, "r+b") as disk:
        offset = 0
        while block := file.read(4096):
            if block.count(0) != len(block):
                disk.seek(MIB + offset)
                disk.write(block)
            offset += len(block)
    os.remove(part)


def ext4(label, number, *options):
    return lambda path: tool("mkfs.ext4", "-q", "-F", "-L", label, "-U", number, *options, path)


def xfs(*options):
    # smaller than mkfs.xfs makes one, unless it is being tested
    return lambda path: tool("mkfs.xfs", "-q", *options, path, TEST_DIR="1", TEST_DEV="1", QA_CHECK_FS="1")


GPT = "label: gpt\nlabel-id: 0b4c0b4c-0000-4000-8000-00000000%04d\n"
ONE = "start=2048, size=126976, type=L, name=%s, uuid=7e57ed00-0000-4000-8000-00000000%04d\n"
# of the filesystem that belongs into the partition 7e57ed00-…-0001, -0002 and -0003: as src/disk/naming.rs derives it
OURS = dict(enumerate(sys.argv[2:], 1))
some = random.Random(7)
data = some.randbytes(4096)

image("blank")
image("random", [(0, some.randbytes(8 * MIB))])
image("last-mib", [(-MIB, data)])
# what is read of a blank disk are 64 KiB of every 512, the ends, and what lies at known places
image("middle-seen", [(40 * MIB, data)])
image("middle-unseen", [(40 * MIB + 256 * 1024, data)])

table("gpt-empty", GPT % 1)
table("dos-empty", "label: dos\n")
table("gpt", GPT % 2 + ONE % ("photos", 10))
partition_of(os.path.join(to, "gpt"), ext4("photos", "a0000000-0000-4000-8000-000000000001"))
table("dos", "label: dos\nstart=2048, size=126976, type=83\n")
partition_of(os.path.join(to, "dos"), ext4("old", "a0000000-0000-4000-8000-000000000002"))
image("protective-mbr", [(0, read(os.path.join(to, "gpt-empty"), 0, 512))])
broken = table("gpt-broken-primary", GPT % 3 + ONE % ("photos", 11))
at(broken, 512, bytes(512))
broken = table("gpt-no-backup", GPT % 4)
at(broken, SIZE - 512, bytes(512))
table("gpt-blank-partition", GPT % 5 + ONE % ("spare", 12))

ext4("whole", "a0000000-0000-4000-8000-000000000003")(image("ext4"))
tool("mkfs.ext2", "-q", "-F", image("ext2"))
tool("mkfs.ext3", "-q", "-F", image("ext3"))
for name in ("same-label-1", "same-label-2"):
    tool("mkfs.ext4", "-q", "-F", "-L", "twin", "-U", str(uuid.UUID(int=some.getrandbits(128), version=4)), image(name))
xfs("-L", "cold")(image("xfs"))
tool("mkfs.btrfs", "--quiet", "--mixed", image("btrfs"))
tool("mkfs.vfat", image("vfat"))
tool("mkswap", image("swap"))

ntfs = bytearray(512)
ntfs[0:11] = b"\xeb\x52\x90NTFS    "
struct.pack_into("<HB", ntfs, 11, 512, 8)  # bytes a sector, sectors a cluster
struct.pack_into("<B", ntfs, 21, 0xF8)
struct.pack_into("<QQQ", ntfs, 40, SIZE // 512 - 1, 4, 8)  # sectors, the clusters of the MFT and of its mirror
struct.pack_into("<bxxxbxxx", ntfs, 64, -10, 1)  # 2^10 bytes a record
ntfs[510:512] = b"\x55\xaa"
mft = bytearray(4096)
mft[0:4] = mft[3072:3076] = b"FILE"
image("ntfs", [(0, ntfs), (4 * 4096, mft), (8 * 4096, mft)])

luks1 = b"LUKS\xba\xbe" + struct.pack(">H32s32s32sII", 1, b"aes", b"xts-plain64", b"sha256", 4096, 32)
luks1 = luks1.ljust(168, b"\0") + b"1c000000-0000-4000-8000-000000000001"
image("luks1", [(0, luks1)])
luks2 = struct.pack(">HQQ48s32s64s40s", 2, 16384, 1, b"", b"sha256", b"", b"1c000000-0000-4000-8000-000000000002")
image("luks2", [(0, b"LUKS\xba\xbe" + luks2), (16384, b"SKUL\xba\xbe" + luks2)])

label = [(place, struct.pack("<QQQ", 0x00BAB10C, 5000, txg)) for base in (0, 256 * 1024) for txg in range(8)
         for place in [base + 128 * 1024 + txg * 1024]]
image("zfs", label)

crc64 = []
for byte in range(256):
    value = byte << 56
    for _ in range(8):
        value = (value << 1) ^ (0x42F0E1EBA9EA3693 if value >> 63 else 0)
        value &= (1 << 64) - 1
    crc64.append(value)
bcache = bytearray(208)
struct.pack_into("<QQ", bcache, 8, 8, 1)  # its own sector, the version of a backing device
bcache[24:40] = bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81")
bcache[40:56] = uuid.UUID("bc000000-0000-4000-8000-000000000001").bytes
total = (1 << 64) - 1
for byte in bcache[8:]:
    total = (total << 8 & (1 << 64) - 1) ^ crc64[(total >> 56) ^ byte]
struct.pack_into("<Q", bcache, 0, total ^ (1 << 64) - 1)
image("bcache", [(4096, bcache)])

raid = bytearray(256)
struct.pack_into("<III", raid, 0, 0xA92B4EFC, 1, 0)
raid[16:32] = uuid.UUID("ad000000-0000-4000-8000-000000000001").bytes
raid[32:64] = b"nas:0".ljust(32, b"\0")
struct.pack_into("<QiiQ", raid, 64, 0, 1, 0, SIZE // 512)
struct.pack_into("<QQQ", raid, 128, 2048, SIZE // 512 - 2048, 8)
total = sum(struct.unpack("<64I", raid))
struct.pack_into("<I", raid, 216, ((total & 0xFFFFFFFF) + (total >> 32)) & 0xFFFFFFFF)
image("mdraid", [(4096, raid)])

image("bluestore", [(0, b"bluestore block device\n5eed0000-0000-4000-8000-000000000001\n")])
bitlocker = bytearray(512)
bitlocker[0:11] = b"\xeb\x58\x90-FVE-FS-"
struct.pack_into("<Q", bitlocker, 176, MIB)
bitlocker[510:512] = b"\x55\xaa"
image("bitlocker", [(0, bitlocker), (MIB, b"-FVE-FS-" + struct.pack("<HH", 64, 2))])

# a system to install from, as it is copied to a stick: a filesystem of a CD beside a table
iso = b"\x01CD001\x01\x00".ljust(40, b" ") + b"INSTALLER".ljust(32, b" ")
table("hybrid-iso", "label: dos\nstart=64, size=8192, type=83, bootable\n", [(32768, iso), (34816, b"\xffCD001\x01")])

for name, label, number in (("new", "homelabctl-new", "1"), ("new-formatted", "homelabctl-new", "2"), ("ours", "homelabctl-longhorn", "3"),
                            ("ours-damaged", "homelabctl-longhorn", "4"), ("new-foreign", "homelabctl-new", "5"),
                            ("longhorn-data", "longhorn", "6")):
    path = table(name, GPT % (20 + int(number)) + ONE % (label, int(number)))
    if name in ("new-formatted", "ours"):
        partition_of(path, ext4("", OURS[int(number)]))
    if name == "new-foreign":
        partition_of(path, lambda part: tool("mkfs.vfat", part))
    if name == "longhorn-data":
        files = os.path.join(to, "files")
        os.makedirs(files + "/replicas")
        open(files + "/longhorn-disk.cfg", "w").write("{}")
        partition_of(path, ext4("data", "a0000000-0000-4000-8000-000000000009", "-d", files))
        subprocess.run(["rm", "-r", files], check=True)
# mkfs cut off before it wrote the first superblock: its copies are there already
path = table("new-half", GPT % 40 + ONE % ("homelabctl-new", 7))
partition_of(path, lambda part: (ext4("", OURS[7])(part), at(part, 0, bytes(4096))))
# the same with XFS, and with its second allocation group gone
path = table("new-xfs", GPT % 41 + ONE % ("homelabctl-new", 8))
partition_of(path, xfs("-m", "uuid=" + OURS[8]))
path = table("new-xfs-broken", GPT % 42 + ONE % ("homelabctl-new", 9))
partition_of(path, xfs("-m", "uuid=" + OURS[9]))
block, = struct.unpack(">I", read(path, MIB + 4, 4))
blocks, groups = struct.unpack(">II", read(path, MIB + 84, 8))
assert groups > 1
at(path, MIB + block * blocks, bytes(4096))
# as mkfs.xfs leaves it until all the rest is on the disk
path = table("new-xfs-cut", GPT % 43 + ONE % ("homelabctl-new", 10))
partition_of(path, lambda part: (xfs("-m", "uuid=" + OURS[10])(part),
                                 tool("xfs_db", "-x", "-c", "sb 0", "-c", "write -d inprogress 1", part)))
# somebody mounted it before it was finished, and its root is gone since
path = table("new-used", GPT % 44 + ONE % ("homelabctl-new", 11))
partition_of(path, lambda part: (ext4("", OURS[11])(part), tool("debugfs", "-w", "-R", "set_super_value mnt_count 1", part),
                                 tool("debugfs", "-w", "-R", "clri <2>", part)))
