# frozen_string_literal: true

require "fileutils"
require "open3"
require "socket"
require "tempfile"
require "tmpdir"
require_relative "step_job"

# Does what jobs of Samvera applications do.
class MediaJob < StepJob
  # Of a program, in seconds. Without a home directory LibreOffice hangs, and ignores TERM.
  TIMEOUT = 45

  # In pieces, so that virus scanners do not report this file.
  EICAR = ['X5O!P%@AP[4\PZX54(P^)7CC)7}$', "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!", "$H+H*"].join

  PDF = <<~'TEXT'
    %PDF-1.4
    1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
    2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj
    3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 72 72] >> endobj
    trailer << /Root 1 0 R >>
  TEXT

  private

  def run_steps
    step("mktmpdir") { @dir = Dir.mktmpdir }
    return unless @dir
    files
    permissions
    images
    video
    java
    office
    viruses
    host
  ensure
    FileUtils.rm_rf(@dir) if @dir
  end

  def files
    %w[/opt/derivatives /opt/uploads /opt/data log tmp].each { |dir| step("write #{dir}") { write_below(dir) } }
    step("write /var/tmp") { write_below("/var/tmp") }
    step("write /opt/elsewhere") { write_below("/opt/elsewhere") }
  end

  def permissions
    step("cp -p") { run_silent("cp", "-p", file("plain.txt", "text"), path("copy.txt")) }
    step("FileUtils.cp preserve") { FileUtils.cp(file("plain.txt", "text"), path("kept.txt"), preserve: true) }
    step("chown") { File.chown(nil, Process.gid, file("plain.txt", "text")) }
    step("chmod g+s") { run_silent("chmod", "g+s", FileUtils.mkdir_p(path("group")).first) }
  end

  def images
    step("magick ppm jpg") { creates("small.jpg") { run(*convert, file("small.ppm", "P6 16 16 255\n#{"abc" * 256}"), path("small.jpg")) } }
    step("magick pdf png") { creates("page.png") { run(*convert, "-density", "72", file("page.pdf", PDF), path("page.png")) } }
    step("file") { raise "no JPEG" unless run("file", "--brief", "--mime-type", path("small.jpg")).include?("image/jpeg") }
  end

  def video
    step("ffmpeg mp4") do
      creates("test.mp4") { run("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=duration=1:size=64x64:rate=5", "-pix_fmt", "yuv420p", path("test.mp4")) }
    end
    step("ffprobe") { run("ffprobe", "-loglevel", "error", "-show_streams", path("test.mp4")) }
  end

  # keytool is a Java program of the runtime itself.
  def java
    step("java -version") { run("java", "-version") }
    step("java program") do
      creates("keys") do
        run("keytool", "-genkeypair", "-keyalg", "RSA", "-dname", "CN=demo", "-storepass", "changeit", "-keystore", path("keys"))
      end
    end
  end

  # As the gem hydra-derivatives calls it: LibreOffice creates its profile below HOME. Its exit
  # status is always 0.
  def office
    step("soffice pdf") { to_pdf }
    step("soffice pdf, own profile") { to_pdf("-env:UserInstallation=file://#{path("profile")}") }
  end

  def to_pdf(*options)
    FileUtils.rm_f(path("letter.pdf"))
    creates("letter.pdf") do
      run("soffice", *options, "--invisible", "--headless", "--convert-to", "pdf", "--outdir", @dir, file("letter.txt", "Dear Sir,"))
    end
  end

  # As the gem clamby calls it by default, with `daemonize`, `fdpass` and `stream`. Without the last
  # two, clamd opens the file as its own user.
  def viruses
    scan("clamscan", 0o600)
    scan("clamdscan", 0o644)
    scan("clamdscan --fdpass", 0o600)
    scan("clamdscan --stream", 0o600)
    step("clamdscan /opt/uploads") { scan_one(%w[clamdscan], 0o644, EICAR, 1, "/opt/uploads") }
  end

  def scan(command, mode)
    step("#{command}: clean") { scan_one(command.split, mode, "text", 0) }
    step("#{command}: EICAR") { scan_one(command.split, mode, EICAR, 1) }
  end

  def scan_one(command, mode, text, status, dir = Dir.tmpdir)
    Tempfile.create("scan", dir) do |temp|
      temp.write(text)
      temp.chmod(mode)
      temp.close
      run(*command, "--no-summary", temp.path, status: status)
    end
  end

  def host
    step("Socket.ip_address_list") { raise "no address" if Socket.ip_address_list.empty? }
    step("nice") { run("nice", "-n", "5", "true") }
    step("ionice") { run("ionice", "-c", "3", "true") }
  end

  def run(*command, status: 0)
    output, result = Open3.capture2e("timeout", "--kill-after=5", TIMEOUT.to_s, *command, chdir: @dir)
    raise "#{command.first} ended with #{result.exitstatus || result}: #{output}" unless result.exitstatus == status
    output
  end

  def run_silent(*command)
    output = run(*command)
    raise output unless output.empty?
  end

  def creates(name)
    output = yield
    raise "no #{name}: #{output}" unless File.size?(path(name))
  end

  def write_below(dir)
    Dir.mktmpdir("media", dir) { |temp| File.write(File.join(temp, "file"), "text") }
  end

  # ImageMagick 6 has no `magick`.
  def convert
    system("which", "magick", out: File::NULL) ? %w[magick] : %w[convert]
  end

  def path(name)
    File.join(@dir, name)
  end

  def file(name, text)
    File.binwrite(path(name), text)
    path(name)
  end
end
