/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What system calls do with descriptors and bytes. A call that is not here is
 * counted by its number alone.
 */
#ifndef NT_CALLS_H
#define NT_CALLS_H

#define NT_NO_ARG 7
/* The descriptor is argument n; bytes go to or come from its file. */
#define NT_FD(n) ((n) + 1)
/* The descriptor is what the call returns. */
#define NT_FD_RESULT NT_NO_ARG
#define NT_FD_MASK 7
/* A second descriptor, argument n, from whose file the bytes come that go to the first's. */
#define NT_FROM(n) ((((n) + 1) << 3) | NT_OUT)
#define NT_FROM_ARG(class) (((class) >> 3) & 7)
#define NT_IN 0x40     /* the result is a number of bytes, read from the file */
#define NT_OUT 0x80    /* written to it */
#define NT_BYTES 0x100 /* the result is a number of bytes that are no file's */
#define NT_MOVES (NT_IN | NT_OUT | NT_BYTES)
#define NT_NAMES 0x200 /* the file, a socket, may have another name after it */
#define NT_CONNECTS 0x800 /* argument 1 is the address it is to be connected to */
#define NT_CLOSES 0x400 /* a descriptor may stand for another file after it */

static const __u16 nt_call_classes[] = {
#if defined(__TARGET_ARCH_x86)
	[0] = NT_FD(0) | NT_IN, /* read */
	[1] = NT_FD(0) | NT_OUT, /* write */
	[2] = NT_FD_RESULT, /* open */
	[3] = NT_FD(0) | NT_CLOSES, /* close */
	[5] = NT_FD(0), /* fstat */
	[8] = NT_FD(0), /* lseek */
	[9] = NT_FD(4), /* mmap */
	[16] = NT_FD(0), /* ioctl */
	[17] = NT_FD(0) | NT_IN, /* pread64 */
	[18] = NT_FD(0) | NT_OUT, /* pwrite64 */
	[19] = NT_FD(0) | NT_IN, /* readv */
	[20] = NT_FD(0) | NT_OUT, /* writev */
	[32] = NT_FD(0), /* dup */
	[33] = NT_FD(0) | NT_CLOSES, /* dup2 */
	[40] = NT_FD(0) | NT_FROM(1), /* sendfile */
	[42] = NT_FD(0) | NT_NAMES | NT_CONNECTS, /* connect */
	[43] = NT_FD(0), /* accept */
	[44] = NT_FD(0) | NT_OUT, /* sendto */
	[45] = NT_FD(0) | NT_IN, /* recvfrom */
	[46] = NT_FD(0) | NT_OUT, /* sendmsg */
	[47] = NT_FD(0) | NT_IN, /* recvmsg */
	[48] = NT_FD(0), /* shutdown */
	[49] = NT_FD(0) | NT_NAMES, /* bind */
	[50] = NT_FD(0) | NT_NAMES, /* listen */
	[51] = NT_FD(0), /* getsockname */
	[52] = NT_FD(0), /* getpeername */
	[54] = NT_FD(0), /* setsockopt */
	[55] = NT_FD(0), /* getsockopt */
	[72] = NT_FD(0), /* fcntl */
	[73] = NT_FD(0), /* flock */
	[74] = NT_FD(0), /* fsync */
	[75] = NT_FD(0), /* fdatasync */
	[77] = NT_FD(0), /* ftruncate */
	[78] = NT_FD(0) | NT_IN, /* getdents */
	[81] = NT_FD(0), /* fchdir */
	[85] = NT_FD_RESULT, /* creat */
	[91] = NT_FD(0), /* fchmod */
	[93] = NT_FD(0), /* fchown */
	[138] = NT_FD(0), /* fstatfs */
	[187] = NT_FD(0), /* readahead */
	[190] = NT_FD(0), /* fsetxattr */
	[193] = NT_FD(0), /* fgetxattr */
	[196] = NT_FD(0), /* flistxattr */
	[199] = NT_FD(0), /* fremovexattr */
	[217] = NT_FD(0) | NT_IN, /* getdents64 */
	[221] = NT_FD(0), /* fadvise64 */
	[232] = NT_FD(0), /* epoll_wait */
	[233] = NT_FD(0), /* epoll_ctl */
	[254] = NT_FD(0), /* inotify_add_watch */
	[255] = NT_FD(0), /* inotify_rm_watch */
	[257] = NT_FD_RESULT, /* openat */
	[262] = NT_FD(0), /* newfstatat */
	[275] = NT_FD(2) | NT_FROM(0), /* splice */
	[276] = NT_FD(1) | NT_FROM(0), /* tee */
	[277] = NT_FD(0), /* sync_file_range */
	[278] = NT_FD(0) | NT_OUT, /* vmsplice */
	[281] = NT_FD(0), /* epoll_pwait */
	[285] = NT_FD(0), /* fallocate */
	[286] = NT_FD(0), /* timerfd_settime */
	[287] = NT_FD(0), /* timerfd_gettime */
	[288] = NT_FD(0), /* accept4 */
	[292] = NT_FD(0) | NT_CLOSES, /* dup3 */
	[295] = NT_FD(0) | NT_IN, /* preadv */
	[296] = NT_FD(0) | NT_OUT, /* pwritev */
	[299] = NT_FD(0), /* recvmmsg */
	[306] = NT_FD(0), /* syncfs */
	[307] = NT_FD(0), /* sendmmsg */
	[310] = NT_BYTES, /* process_vm_readv */
	[311] = NT_BYTES, /* process_vm_writev */
	[318] = NT_BYTES, /* getrandom */
	[319] = NT_FD_RESULT, /* memfd_create */
	[326] = NT_FD(2) | NT_FROM(0), /* copy_file_range */
	[327] = NT_FD(0) | NT_IN, /* preadv2 */
	[328] = NT_FD(0) | NT_OUT, /* pwritev2 */
	[332] = NT_FD(0), /* statx */
	[436] = NT_CLOSES, /* close_range */
	[437] = NT_FD_RESULT, /* openat2 */
	[441] = NT_FD(0), /* epoll_pwait2 */
#elif defined(__TARGET_ARCH_arm64)
	[7] = NT_FD(0), /* fsetxattr */
	[10] = NT_FD(0), /* fgetxattr */
	[13] = NT_FD(0), /* flistxattr */
	[16] = NT_FD(0), /* fremovexattr */
	[21] = NT_FD(0), /* epoll_ctl */
	[22] = NT_FD(0), /* epoll_pwait */
	[23] = NT_FD(0), /* dup */
	[24] = NT_FD(0) | NT_CLOSES, /* dup3 */
	[25] = NT_FD(0), /* fcntl */
	[27] = NT_FD(0), /* inotify_add_watch */
	[28] = NT_FD(0), /* inotify_rm_watch */
	[29] = NT_FD(0), /* ioctl */
	[32] = NT_FD(0), /* flock */
	[44] = NT_FD(0), /* fstatfs */
	[46] = NT_FD(0), /* ftruncate */
	[47] = NT_FD(0), /* fallocate */
	[50] = NT_FD(0), /* fchdir */
	[52] = NT_FD(0), /* fchmod */
	[55] = NT_FD(0), /* fchown */
	[56] = NT_FD_RESULT, /* openat */
	[57] = NT_FD(0) | NT_CLOSES, /* close */
	[61] = NT_FD(0) | NT_IN, /* getdents64 */
	[62] = NT_FD(0), /* lseek */
	[63] = NT_FD(0) | NT_IN, /* read */
	[64] = NT_FD(0) | NT_OUT, /* write */
	[65] = NT_FD(0) | NT_IN, /* readv */
	[66] = NT_FD(0) | NT_OUT, /* writev */
	[67] = NT_FD(0) | NT_IN, /* pread64 */
	[68] = NT_FD(0) | NT_OUT, /* pwrite64 */
	[69] = NT_FD(0) | NT_IN, /* preadv */
	[70] = NT_FD(0) | NT_OUT, /* pwritev */
	[71] = NT_FD(0) | NT_FROM(1), /* sendfile */
	[75] = NT_FD(0) | NT_OUT, /* vmsplice */
	[76] = NT_FD(2) | NT_FROM(0), /* splice */
	[77] = NT_FD(1) | NT_FROM(0), /* tee */
	[79] = NT_FD(0), /* newfstatat */
	[80] = NT_FD(0), /* fstat */
	[82] = NT_FD(0), /* fsync */
	[83] = NT_FD(0), /* fdatasync */
	[84] = NT_FD(0), /* sync_file_range */
	[86] = NT_FD(0), /* timerfd_settime */
	[87] = NT_FD(0), /* timerfd_gettime */
	[200] = NT_FD(0) | NT_NAMES, /* bind */
	[201] = NT_FD(0) | NT_NAMES, /* listen */
	[202] = NT_FD(0), /* accept */
	[203] = NT_FD(0) | NT_NAMES | NT_CONNECTS, /* connect */
	[204] = NT_FD(0), /* getsockname */
	[205] = NT_FD(0), /* getpeername */
	[206] = NT_FD(0) | NT_OUT, /* sendto */
	[207] = NT_FD(0) | NT_IN, /* recvfrom */
	[208] = NT_FD(0), /* setsockopt */
	[209] = NT_FD(0), /* getsockopt */
	[210] = NT_FD(0), /* shutdown */
	[211] = NT_FD(0) | NT_OUT, /* sendmsg */
	[212] = NT_FD(0) | NT_IN, /* recvmsg */
	[213] = NT_FD(0), /* readahead */
	[222] = NT_FD(4), /* mmap */
	[223] = NT_FD(0), /* fadvise64 */
	[242] = NT_FD(0), /* accept4 */
	[243] = NT_FD(0), /* recvmmsg */
	[267] = NT_FD(0), /* syncfs */
	[269] = NT_FD(0), /* sendmmsg */
	[270] = NT_BYTES, /* process_vm_readv */
	[271] = NT_BYTES, /* process_vm_writev */
	[278] = NT_BYTES, /* getrandom */
	[279] = NT_FD_RESULT, /* memfd_create */
	[285] = NT_FD(2) | NT_FROM(0), /* copy_file_range */
	[286] = NT_FD(0) | NT_IN, /* preadv2 */
	[287] = NT_FD(0) | NT_OUT, /* pwritev2 */
	[291] = NT_FD(0), /* statx */
	[436] = NT_CLOSES, /* close_range */
	[437] = NT_FD_RESULT, /* openat2 */
	[441] = NT_FD(0), /* epoll_pwait2 */
#endif
};

#define NT_CLASSES (sizeof(nt_call_classes) / sizeof(nt_call_classes[0]))

static __always_inline __u32 nt_class_of(__u32 nr)
{
	asm volatile("" : "+r"(nr));
	return nr < NT_CLASSES ? nt_call_classes[nr] : 0;
}

#endif
